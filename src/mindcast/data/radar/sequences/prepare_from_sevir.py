"""SEVIR as sequences of smaller frames: 384 x 384 to 128 x 128, cut by the split's stride.

One file for each file of SEVIR, with the groups of its splits. Works event by event; a file
appears under its name only when complete, so a run that was cut short can be repeated and goes on
with the first unfinished file.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from mindcast.data.base import SPLITS
from mindcast.data.radar.archive.catalogue import (
    Event,
    check_minutes,
    date_range,
    read_events,
)
from mindcast.data.radar.archive.event_files import (
    CLIP_INSTEAD,
    IMAGE_TYPE,
    SEVIR_SHAPE,
    EventFiles,
)
from mindcast.data.radar.composites.prepare_sequences import prepare_sequences
from mindcast.data.radar.frame_fit import resize
from mindcast.data.radar.scaling import whole_codes
from mindcast.data.radar.sequences.files import FIRST_FRAME
from mindcast.data.radar.sequences.layouts import LAYOUTS
from mindcast.data.radar.sequences.settings import SevirH5Settings, SevirPrepareSettings
from mindcast.data.radar.sequences.write import Sequence, finish, is_finished, write_file
from mindcast.data.source_state import state_of
from mindcast.files import check_space
from mindcast.refusal import Refusal

# validation and test begin after these times; frames between the starts of two sequences
PRESETS = {
    "paper": (datetime(2019, 1, 1), datetime(2019, 6, 1), 12),
    "code": (datetime(2019, 1, 1), datetime(2019, 10, 1), 5),
}


@dataclass(frozen=True)
class Cut:
    """How events become sequences: `length` frames of `size`, one every `stride` frames.

    interval_minutes: between frames.
    """

    length: int
    stride: int
    size: tuple[int, int]
    antialias: bool
    interval_minutes: int = 5


def prepare(settings: SevirH5Settings) -> None:
    """Make the set that `settings.prepare` describes in `root_dir`; Refusal without it."""
    if settings.composites is not None:
        prepare_sequences(settings, settings.composites)
        return
    how = settings.prepare
    if how is None:
        raise Refusal("data.prepare is missing; give data.prepare.source_dir, the folder of SEVIR")
    prepare_sevir_h5(
        how,
        Path(settings.root_dir),
        interval_minutes=settings.interval_minutes,
        check_values=settings.check_values,
    )


def prepare_sevir_h5(
    how: SevirPrepareSettings,
    target: Path,
    source_shape: tuple[int, int, int] = SEVIR_SHAPE,
    interval_minutes: int = 5,
    check_values: bool = True,
) -> None:
    """Write the files of the set into the folder `target`; shows progress by event.

    Splits never share an event. Finished files are kept; what is something else, or was made from
    another state of the source, is refused.
    """
    source = Path(how.source_dir)
    val_after, test_after, stride = _choices(how)
    cut = Cut(how.length, stride, how.frame_size, how.antialias, interval_minutes)
    if cut.length > source_shape[2]:
        raise Refusal(
            f"data.prepare.length = {cut.length}: SEVIR's events have {source_shape[2]} frames"
        )
    events = _by_split(source, val_after, test_after)
    for of_split in events.values():
        check_minutes(source, of_split, source_shape[2], interval_minutes)
    if target.is_file() or target.resolve() == source.resolve():
        raise Refusal(f"{target}: must be a folder of its own; choose another data.root_dir")
    recipe = {**vars(cut), "val_after": str(val_after), "test_after": str(test_after)}
    del recipe["interval_minutes"]  # the catalogue's, thus part of the source
    if how.clip:
        recipe["clip"] = True
    files = EventFiles(
        IMAGE_TYPE, source_shape, way_out="fix it", beyond=CLIP_INSTEAD, clip=how.clip
    )
    if check_values:
        files.check_scale(_rows(source, events))
    _write_set(files, source, target, events, cut, recipe)


def _by_split(source: Path, val_after: datetime, test_after: datetime) -> dict[str, list[Event]]:
    events = {
        "train": read_events(source, IMAGE_TYPE, None, val_after),
        "val": read_events(source, IMAGE_TYPE, val_after, test_after),
        "test": read_events(source, IMAGE_TYPE, test_after, None),
    }
    if not any(events.values()):
        raise Refusal(f"{source}: no usable event; the catalogue runs from {date_range(source)}")
    return events


def _rows(source: Path, events: dict[str, list[Event]]) -> dict[Path, list[int]]:
    """The events of every file."""
    rows: dict[Path, list[int]] = {}
    for event in itertools.chain.from_iterable(events.values()):
        rows.setdefault(source / "data" / event.file_name, []).append(event.file_index)
    return rows


def _choices(how: SevirPrepareSettings) -> tuple[datetime, datetime, int]:
    val_after, test_after, stride = PRESETS[how.preset]
    val_after, test_after = how.val_start_date or val_after, how.test_start_date or test_after
    if val_after > test_after:
        raise Refusal(
            f"data.prepare.val_start_date = {val_after} comes after test_start_date = {test_after}"
        )
    return val_after, test_after, how.stride or stride


def _write_set(
    files: EventFiles,
    source: Path,
    target: Path,
    events: dict[str, list[Event]],
    cut: Cut,
    recipe: dict[str, Any],
) -> None:
    names = sorted({event.file_name for of_split in events.values() for event in of_split})
    paths = {name: target / Path(name).with_suffix(".h5").name for name in names}
    if len(set(paths.values())) < len(names):
        raise Refusal(f"{source}: two of its files have the same name; rename one")
    with tqdm(total=sum(map(len, events.values())), desc="SEVIR", unit="event") as bar:
        for name in names:
            own = {s: [e for e in events[s] if e.file_name == name] for s in SPLITS}
            made_by = {**recipe, "source": name, "events": {s: len(own[s]) for s in SPLITS}}
            path = source / "data" / name
            state = state_of([path], source, repr(own))
            if is_finished(paths[name], made_by, path, state):
                bar.update(sum(map(len, own.values())))
                continue
            pieces = 1 + (files.event_shape[2] - cut.length) // cut.stride
            needed = sum(map(len, own.values())) * pieces * cut.length * math.prod(cut.size)
            check_space(paths[name], needed // 2)  # radar packs to less than half
            splits: dict[str, Iterator[Sequence]] = {
                s: _sequences(files, path, own[s], cut, bar.update) for s in SPLITS
            }
            layout = LAYOUTS["sevir_h5"]
            write_file(
                paths[name],
                layout,
                made_by,
                splits,
                state,
                cut.interval_minutes,
                part_of_a_set=True,
            )
    files.close()
    finish(target, paths.values())


def _sequences(
    files: EventFiles, path: Path, events: list[Event], cut: Cut, advance: Callable[[int], object]
) -> Iterator[Sequence]:
    """The sequences of events, in order. Differs: resized values are rounded to whole codes.

    For 384 to 128 pixels nothing is rounded: without antialias every third pixel is taken.
    """
    for event in events:
        codes = np.moveaxis(files.read(path, event.file_index, slice(None)), -1, 0)
        smaller = resize(codes, cut.size, cut.antialias)
        codes = whole_codes(smaller, f"{path}: event {event.file_index}")
        times = event.frame_times(len(codes), cut.interval_minutes)
        for start in range(0, len(codes) - cut.length + 1, cut.stride):
            attributes = {"source": event.id, FIRST_FRAME: str(times[start])}
            yield codes[start : start + cut.length], attributes
        advance(1)
