"""A set of sequences out of a folder of frames, in the layout of the chosen data set."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from mindcast.data.base import SPLITS
from mindcast.data.radar.attributes import is_code
from mindcast.data.radar.composites.prepare_sequences import prepare_sequences
from mindcast.data.radar.scaling import whole_codes
from mindcast.data.radar.sequences.files import FIRST_FRAME
from mindcast.data.radar.sequences.find_frames import (
    FrameEvent,
    find_events,
    frame_files,
    timed,
)
from mindcast.data.radar.sequences.layouts import LAYOUTS, Layout
from mindcast.data.radar.sequences.settings import (
    FramesPrepareSettings,
    FramesSequenceSettings,
)
from mindcast.data.radar.sequences.write import Sequence, finish, is_finished, write_file
from mindcast.data.source_state import state_of
from mindcast.files import check_space
from mindcast.refusal import Refusal

FILE_NAME = "sequences.h5"
# the rule of the Shanghai set: a stretch of frames begins RAIN_LEAD before its wet frame
RAIN_FIRST, RAIN_LEAD, RAIN_STEP, RAIN_TRAIN_STEP = 10, 5, 5, 15


@dataclass(frozen=True)
class Piece:
    """Frames start..stop - 1 of an event, all of one split, none missing between them."""

    event: FrameEvent
    start: int
    stop: int

    def __len__(self) -> int:
        return self.stop - self.start


class Mapping:
    """From the codes of frames to what the layout stores, by the stated physical values."""

    def __init__(self, how: FramesPrepareSettings, layout: Layout, value_scale: float) -> None:
        self.how, self.value_scale = how, value_scale
        self.stored_maximum = layout.stored_maximum(value_scale)

    def stored(self, piece: Piece, k: int) -> np.ndarray:
        """Frame k of a piece, (H, W) uint8; missing values and what lies below 0 are 0.

        Refusal for NaN and infinity, and if it exceeds the value scale.
        """
        path, number = piece.event.places[piece.start + k]
        codes, transparent = piece.event.frame(piece.start + k)
        with np.errstate(over="ignore"):  # beyond float32: infinity, which is refused
            narrow = codes.astype(np.float32)
        physical = narrow.astype(np.float64) * self.how.physical_per_code + self.how.offset
        if self.how.missing_code is not None:
            physical[is_code(codes, float(self.how.missing_code))] = 0
        if transparent is not None:
            physical[transparent] = 0
        if not np.isfinite(physical).all():
            raise Refusal(
                f"{path}: frame {number} holds NaN or infinity; fix it, or set data.prepare."
                "missing_code=nan if NaN stands for missing values"
            )
        # a rounding error of the mapping is no wrong scale
        high = round(float(physical.max()), 6)
        if high > self.value_scale:
            raise Refusal(
                f"{path}: frame {number} reaches {high:g} with data.prepare."
                f"physical_per_code = {self.how.physical_per_code:g} and offset = "
                f"{self.how.offset:g}, expected at most data.value_scale = "
                f"{self.value_scale:g}; fix the mapping"
            )
        scaled = np.clip(physical / self.value_scale, 0, 1)
        return whole_codes(scaled * self.stored_maximum, f"{path}: frame {number}")


def prepare(settings: FramesSequenceSettings) -> None:
    """Make `root_dir` (a .h5 file, or a folder) from the frames that `settings.prepare` names."""
    if settings.composites is not None:
        prepare_sequences(settings, settings.composites)
        return
    how = settings.prepare
    if how is None:
        raise Refusal(
            "data.prepare is missing; give data.prepare.source_dir, a folder of frames, "
            "and data.prepare.physical_per_code, or data.composites for radar files"
        )
    root, layout = Path(settings.root_dir), LAYOUTS[settings.name]
    path = root if root.suffix == ".h5" else root / FILE_NAME
    recipe = _recipe(how, settings.value_scale)
    source = Path(how.source_dir)
    state = state_of(frame_files(source), source) if source.is_dir() else ""
    if is_finished(path, recipe, source, state):
        return
    mapping = Mapping(how, layout, settings.value_scale)
    events = find_events(source, how.axes)
    if how.times_in_names:
        events = [timed(event, settings.interval_minutes) for event in events]
        _report_gaps(events)
    pieces = split_events(events, how)
    asked_for = {"train": 1.0, "val": how.val_fraction, "test": how.test_fraction}
    check_space(path, _bytes(events, how) // 2)  # radar packs to less than half
    with tqdm(desc="sequences", unit="sequence") as bar:
        splits: dict[str, Iterator[Sequence]] = {
            split: _counted(bar, split, frame_sequences(pieces[split], split, how, mapping), how)
            for split in SPLITS
            if asked_for[split]
        }
        known = any(event.times is not None for event in events)
        interval = settings.interval_minutes if known else None
        write_file(path, layout, recipe, splits, state, interval)
    if path != root:
        finish(root, [path])


def _recipe(how: FramesPrepareSettings, value_scale: float) -> dict[str, Any]:
    """What the set depends on; settings that are newer than some sets only where they matter."""
    recipe = {**how.model_dump(mode="json"), "value_scale": value_scale}
    newer = {"axes": None, "times_in_names": True}
    return {key: value for key, value in recipe.items() if newer.get(key, ()) != value}


def _report_gaps(events: Iterable[FrameEvent]) -> None:
    """One line on stderr for all gaps, if there are any."""
    gaps = [(event.files[k - 1], event.files[k]) for event in events for k in event.breaks]
    if gaps:
        before, after = gaps[0]
        print(
            f"mindcast: frames are missing at {len(gaps)} places by the times in their names, the "
            f"first between {before} and {after.name}; no sequence reaches across one",
            file=sys.stderr,
        )


def split_events(events: list[FrameEvent], how: FramesPrepareSettings) -> dict[str, list[Piece]]:
    """Which frames belong to which split, in order: training, validation, test.

    Several events are shared out whole. A single one is cut, `gap_frames` left out at each border.
    An event is in several pieces where frames are missing.
    """
    return {
        split: [part for piece in pieces for part in _unbroken(piece)]
        for split, pieces in _shared_out(events, how).items()
    }


def _unbroken(piece: Piece) -> list[Piece]:
    """A piece cut where frames are missing."""
    inside = [k for k in piece.event.breaks if piece.start < k < piece.stop]
    ends = itertools.pairwise([piece.start, *inside, piece.stop])
    return [Piece(piece.event, start, stop) for start, stop in ends]


def _shared_out(events: list[FrameEvent], how: FramesPrepareSettings) -> dict[str, list[Piece]]:
    if len(events) > 1:
        ends = _ends(len(events), how)
        return {
            split: [Piece(event, 0, len(event)) for event in events[start:stop]]
            for split, (start, stop) in zip(SPLITS, ends, strict=True)
        }
    (event,) = events
    gaps = (how.val_fraction > 0) + (how.test_fraction > 0)
    ends = _ends(max(len(event) - gaps * how.gap_frames, 0), how)
    pieces: dict[str, list[Piece]] = {}
    shift = 0
    for split, (start, stop) in zip(SPLITS, ends, strict=True):
        pieces[split] = [Piece(event, start + shift, stop + shift)] if stop > start else []
        shift += how.gap_frames if stop > start else 0
    return pieces


def _ends(count: int, how: FramesPrepareSettings) -> list[tuple[int, int]]:
    """(start, stop) of training, validation and test among `count` things in order."""
    test = round(how.test_fraction * count) or int(how.test_fraction > 0)
    val = round(how.val_fraction * (count - test)) or int(how.val_fraction > 0)
    train = max(count - val - test, 0)
    border = min(train + val, count)  # fewer things than splits: the test goes without
    return [(0, train), (train, border), (border, min(border + test, count))]


def frame_sequences(
    pieces: Iterable[Piece], split: str, how: FramesPrepareSettings, mapping: Mapping
) -> Iterator[Sequence]:
    """The sequences of a split with where they come from."""
    for piece in pieces:
        for start in frame_windows(piece, split, how, mapping):
            frames = [mapping.stored(piece, k) for k in range(start, start + how.length)]
            first = piece.start + start
            attributes = {"source": f"{piece.event.name} from frame {first}"}
            if piece.event.times is not None:
                attributes[FIRST_FRAME] = str(piece.event.times[first])
            yield np.stack(frames), attributes


def frame_windows(
    piece: Piece, split: str, how: FramesPrepareSettings, mapping: Mapping
) -> Iterator[int]:
    """First frames of the sequences of a piece.

    "rain" is how the Shanghai set was made: from frame 10 on, where the mean code of a frame
    exceeds `rain_mean_code` a sequence begins 5 frames before it, and the next wet frame is looked
    for 15 frames on (training) or 5 (others); after a dry frame, 5 on.
    """
    if how.selection == "all":
        yield from range(0, len(piece) - how.length + 1, how.stride)
        return
    k, after_rain = RAIN_FIRST, RAIN_TRAIN_STEP if split == "train" else RAIN_STEP
    while k + how.length - RAIN_LEAD < len(piece):
        is_wet = mapping.stored(piece, k).mean() > how.rain_mean_code
        if is_wet:
            yield k - RAIN_LEAD
        k += after_rain if is_wet else RAIN_STEP


def _counted(
    bar: tqdm, split: str, sequences: Iterable[Sequence], how: FramesPrepareSettings
) -> Iterator[Sequence]:
    """The same, shown in the bar; Refusal if a split that was asked for stays empty."""
    count = 0
    for sequence in sequences:
        yield sequence
        count += 1
        bar.update()
    if not count:
        raise Refusal(
            f"{how.source_dir}: the {split} split has no sequence of {how.length} frames "
            f"(selection {how.selection!r}) without a gap; shorten data.prepare.length or change "
            "the fractions"
        )


def _bytes(events: list[FrameEvent], how: FramesPrepareSettings) -> int:
    """About what all sequences take, not packed."""
    overlap = max(how.length // how.stride, 1)
    return sum(map(len, events)) * events[0].frame(0)[0].size * overlap
