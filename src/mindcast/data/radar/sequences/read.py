"""Samples out of sequences in HDF5 groups: MeteoNet, Shanghai, CIKM and SEVIR in their manner.

The layouts are those of the DiffCast reference (Yu et al. 2024), see `layouts`.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mindcast.data.base import Shapes, Split, WindowLike
from mindcast.data.radar.frame_fit import fit_frames
from mindcast.data.radar.sequences.files import SequenceFiles, Stored
from mindcast.data.radar.sequences.find_files import files_of
from mindcast.data.radar.sequences.layouts import LAYOUTS, VAL_GROUPS
from mindcast.data.radar.sequences.settings import SequenceSettings
from mindcast.data.radar.values import SAMPLED, check_scale
from mindcast.data.radar.windows import sample_of, shapes_of
from mindcast.refusal import Refusal
from mindcast.samples import NowcastInput, NowcastSample

NO_TIME = "1970-01-01T00:00"  # stands for the first frame of a sequence without a time


class SequenceSet:
    """The samples of one split; satisfies `mindcast.data.base.Sequences`.

    A sequence of n frames gives 1 + (n - length) // stride samples, in order. They are read when
    asked for, so memory does not grow with the set, and brought to the model's frame size.
    """

    input_type = NowcastInput

    def __init__(
        self,
        settings: SequenceSettings,
        stored: list[Stored],
        files: SequenceFiles,
        window: WindowLike,
        source: str,
    ) -> None:
        self.settings, self.stored, self.window = settings, tuple(stored), window
        self.frame_shape = window.frame
        self.interval_minutes = settings.interval_minutes
        self.value_scale, self.thresholds = settings.value_scale, settings.thresholds
        self.unit = files.layout.unit
        pieces = [1 + (one.frames - window.length) // window.stride for one in stored]
        self.ends = np.cumsum(pieces)
        self.keys = np.arange(len(self), dtype=np.int64)
        self.source = f"{source}, {len(stored)} sequences, {len(self)} samples"
        self._files = files

    @property
    def shapes(self) -> Shapes:
        """Of the arrays of a sample, by their names."""
        return shapes_of(self.window, self.frame_shape)

    def __len__(self) -> int:
        return int(self.ends[-1])

    def __getitem__(self, i: int) -> NowcastSample:
        stored, start = self._place(i)
        frames = self._files.read(stored, slice(start, start + self.window.length))
        fitted = fit_frames(frames, self.frame_shape, self.settings.fit, self.settings.antialias)
        return sample_of(np.ascontiguousarray(fitted[..., np.newaxis]), self.window)

    def times(self, i: int) -> np.ndarray:
        """Valid times of the frames of sample i, datetime64[m], UTC; of an unknown day, 1970."""
        stored, start = self._place(i)
        first = np.datetime64(stored.first_frame or NO_TIME, "m")
        minutes = (start + np.arange(self.window.length)) * self.interval_minutes
        return first + minutes.astype("timedelta64[m]")

    def label(self, i: int) -> str:
        """Sequence and first frame of sample i: "test_12_00"; with the file if there are more."""
        stored, start = self._place(i)
        several = stored.path != self.stored[0].path or stored.path != self.stored[-1].path
        file = f"{stored.path.stem}_" if several else ""
        return f"{file}{stored.name.replace('/', '_')}_{start:02d}"

    def _place(self, i: int) -> tuple[Stored, int]:
        if not 0 <= i < len(self):  # also ends plain iteration
            raise IndexError(f"sample {i} of {len(self)}")
        number = int(np.searchsorted(self.ends, i, side="right"))
        piece = int(i) - (int(self.ends[number - 1]) if number else 0)
        return self.stored[number], piece * self.window.stride


def open_split(settings: SequenceSettings, split: Split, window: WindowLike) -> SequenceSet:
    """One split of the set at `settings.root_dir`; Refusal if it is empty or not as described."""
    root = Path(settings.root_dir)
    height, width = window.frame
    layout = LAYOUTS[settings.name]
    files = SequenceFiles(layout, settings.value_scale, settings.axes, (height, width))
    stored, words = _select(settings, files, files_of(root), split)
    if not stored:
        raise Refusal(
            f"{root}: no sequence in the {split} split ({words}); give the file some, or "
            "raise data.val_fraction for validation"
        )
    _check_lengths(stored, window)
    if settings.check_values:
        _check_values(files, stored)
    files.close()
    thresholds = ", ".join(f"{value:g}" for value in settings.thresholds)
    scale = f"0..{settings.value_scale:g} {files.layout.unit}, thresholds {thresholds}"
    source = f"{settings.name} {root} ({scale}), {split} split: {words}"
    return SequenceSet(settings, stored, files, window, source)


def _check_values(files: SequenceFiles, stored: list[Stored]) -> None:
    """Refusal if a few sequences of every file look like values of another scale."""
    of_file: dict[Path, list[Stored]] = {}
    for one in stored:
        of_file.setdefault(one.path, []).append(one)
    largest = {
        path: [files.largest(one) for one in those[:: -(-len(those) // SAMPLED)]]
        for path, those in of_file.items()
    }
    things = f"sequences of {stored[0].name.split('/')[0]}"
    check_scale(files.scale, largest, things, "fix data.name")


def _select(
    settings: SequenceSettings, files: SequenceFiles, paths: list[Path], split: Split
) -> tuple[list[Stored], str]:
    """The sequences of a split and, in words, where they come from."""
    groups = {path: files.groups(path) for path in paths}
    held = list(dict.fromkeys(name for names in groups.values() for name in names))
    own_validation = [name for name in VAL_GROUPS if name in held]
    wanted = split if split != "val" else (own_validation or ["train"])[0]
    if wanted not in held:
        raise Refusal(
            f"{paths[0]}: no group {wanted!r} for the {split} split, found "
            f"{', '.join(held) or 'no group'}; is data.name = {settings.name!r} right?"
        )
    stored = [one for path in paths if wanted in groups[path] for one in files.listed(path, wanted)]
    if split == "test" or own_validation:
        return stored, f"group {wanted!r}"
    return _share(settings, stored, split)


def _share(
    settings: SequenceSettings, stored: list[Stored], split: Split
) -> tuple[list[Stored], str]:
    """Training or validation sequences out of the training group; none is in both."""
    share, gap = settings.val_fraction, settings.val_gap
    held_out = round(share * len(stored)) or int(share > 0)
    kept = len(stored) - held_out - (gap if held_out else 0)
    words = f"group 'train', last {share:g} of it for validation after a gap of {gap}"
    if kept < 1:
        raise Refusal(
            f"{settings.root_dir}: group 'train' holds {len(stored)} sequences, "
            f"{held_out} for validation and a gap of {gap} leave none to train on; "
            "lower data.val_fraction or data.val_gap"
        )
    return (stored[len(stored) - held_out :] if split == "val" else stored[:kept]), words


def _check_lengths(stored: list[Stored], window: WindowLike) -> None:
    shortest = min(stored, key=lambda one: one.frames)
    if shortest.frames < window.length:
        raise Refusal(
            f"{shortest.path}: {shortest.name} has {shortest.frames} frames, the model "
            f"takes {window.length}; shorten its context or its target"
        )
