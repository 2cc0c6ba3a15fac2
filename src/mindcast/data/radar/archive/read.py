"""Sequences out of an archive of radar events in the SEVIR layout (Veillette et al. 2020).

Selection, order and slicing are those of the PreDiff reference, see `catalogue` and `Archive`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import numpy as np

from mindcast.data.base import Shapes, Split, WindowLike
from mindcast.data.radar.archive.catalogue import (
    FILE_NAME,
    Event,
    check_minutes,
    date_range,
    pixel_km,
    read_events,
    type_names,
)
from mindcast.data.radar.archive.event_files import EventFiles
from mindcast.data.radar.archive.settings import UNIT, ArchiveSettings
from mindcast.data.radar.scaling import scale_codes
from mindcast.data.radar.windows import sample_of, shapes_of
from mindcast.refusal import Refusal
from mindcast.samples import NowcastInput, NowcastSample


class Archive:
    """The sequences of some events; satisfies `mindcast.data.base.Sequences`.

    Every event gives 1 + (frames - length) // stride pieces; sample i is piece i % pieces of event
    i // pieces. Samples are read when asked for, so memory does not grow with the archive.
    """

    input_type = NowcastInput
    unit = UNIT

    def __init__(
        self, settings: ArchiveSettings, events: Sequence[Event], window: WindowLike, source: str
    ) -> None:
        _check_window(settings, window)
        root = Path(settings.root_dir)
        check_minutes(root, events, settings.frames_per_event, settings.interval_minutes)
        self.frame_shape = settings.frame_size
        self.value_scale, self.thresholds = settings.value_scale, settings.thresholds
        self.interval_minutes = settings.interval_minutes
        self.events, self.frames = tuple(events), settings.frames_per_event
        self.window = window
        self.pieces = 1 + (self.frames - window.length) // window.stride
        self.keys = np.arange(len(self), dtype=np.int64)
        self.source = f"{source}, {len(self.events)} events, {len(self)} sequences"
        self._data = root / "data"
        self._files = EventFiles(settings.image_type, (*self.frame_shape, self.frames))
        self._check_files(read_events(root, settings.image_type) if settings.check_values else [])

    def __len__(self) -> int:
        return len(self.events) * self.pieces

    def __getitem__(self, i: int) -> NowcastSample:
        event, frames = self._place(i)
        codes = self._files.read(self._data / event.file_name, event.file_index, frames)
        scaled = np.moveaxis(scale_codes(codes), -1, 0)  # (H, W, T) -> (T, H, W)
        return sample_of(np.ascontiguousarray(scaled[..., np.newaxis]), self.window)

    @property
    def shapes(self) -> Shapes:
        """Of the arrays of a sample, by their names."""
        return shapes_of(self.window, self.frame_shape)

    def times(self, i: int) -> np.ndarray:
        """Valid times of the frames of sample i, datetime64[m], UTC."""
        event, frames = self._place(i)
        return event.frame_times(self.frames, self.interval_minutes)[frames]

    def label(self, i: int) -> str:
        """Event and first frame of sample i: "S851130_06"."""
        event, frames = self._place(i)
        return f"{event.id}_{frames.start:02d}"

    def _place(self, i: int) -> tuple[Event, slice]:
        if not 0 <= i < len(self):  # also ends plain iteration
            raise IndexError(f"sample {i} of {len(self)}")
        event, piece = divmod(int(i), self.pieces)
        start = piece * self.window.stride
        return self.events[event], slice(start, start + self.window.length)

    def _check_files(self, usable: Sequence[Event]) -> None:
        """Open every file once now: better a refusal here than hours into a training.

        Values of another scale show in a few of the `usable` events of each, of whatever split.
        """
        last: dict[str, int] = {}
        for event in self.events:
            last[event.file_name] = max(event.file_index, last.get(event.file_name, 0))
        for name, index in last.items():
            self._files.dataset(self._data / name, index)
        rows: dict[Path, list[int]] = {self._data / name: [] for name in last}
        for event in usable:
            rows.get(self._data / event.file_name, []).append(event.file_index)
        self._files.check_scale(rows)
        self._files.close()


def open_split(settings: ArchiveSettings, split: Split, window: WindowLike) -> Archive:
    """One split of the archive at `settings.root_dir`; Refusal if it is empty or not as described.

    Events are ordered by id. Splits never share an event.
    """
    root = Path(settings.root_dir)
    events, dates = _select(settings, split, root)
    if not events:
        types = type_names(root)
        if types and settings.image_type not in types:
            raise Refusal(
                f"{root / FILE_NAME}: no row with img_type {settings.image_type}, found "
                f"{', '.join(types)[:200]}; use the catalogue of the archive"
            )
        raise Refusal(
            f"{root}: no event in the {split} split ({dates}); the catalogue runs from "
            f"{date_range(root)}; change the dates or the folder"
        )
    return Archive(settings, events, window, f"{settings.name} {root}, {split} split: {dates}")


def stated_pixel_km(settings: ArchiveSettings) -> float | None:
    """Side of a pixel as the catalogue says it; None where it does not."""
    return pixel_km(Path(settings.root_dir), settings.image_type, settings.frame_size)


def _select(settings: ArchiveSettings, split: Split, root: Path) -> tuple[list[Event], str]:
    """The events of a split and, in words, the dates it spans."""
    border, boundary = settings.train_test_split_date, settings.val_start_date
    after: datetime | None = settings.start_date
    until: datetime | None = border
    drawn = ""
    if split == "test":
        after, until = border, settings.end_date
    elif boundary is None:
        drawn = f", {settings.val_fraction:g} of the events drawn for val"
    elif split == "val":
        after = boundary
    else:
        until = boundary
    events = read_events(root, settings.image_type, after, until)
    if drawn:
        is_val = _drawn(len(events), settings.val_fraction, settings.val_seed)
        events = [e for e, v in zip(events, is_val, strict=True) if v == (split == "val")]
    return events, f"after {after or 'the start'} up to {until or 'the end'}{drawn}"


def _drawn(count: int, fraction: float, seed: int) -> np.ndarray:
    """Which of `count` events are for validation: the fraction, but at least one unless it is 0."""
    chosen = np.zeros(count, bool)
    order = np.random.default_rng(seed).permutation(count)
    chosen[order[: round(fraction * count) or int(fraction > 0)]] = True
    return chosen


def _check_window(settings: ArchiveSettings, window: WindowLike) -> None:
    if window.length > settings.frames_per_event:
        raise Refusal(
            f"data.frames_per_event = {settings.frames_per_event}: the model takes "
            f"{window.length} frames, more frames than the event has; shorten the "
            "model's sequence"
        )
    if tuple(window.frame) != tuple(settings.frame_size):
        found, built = ("{} x {}".format(*size) for size in (settings.frame_size, window.frame))
        raise Refusal(
            f"data.frame_size = {found}: the model is built for frames of {built}; make them equal"
        )
