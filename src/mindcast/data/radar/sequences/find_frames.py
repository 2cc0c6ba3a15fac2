"""Events out of a folder of frames: .npy arrays, PNG and GIF pictures of grey values.

What is an event: every sub-folder, or, in a folder without any, every file that holds several
frames (a 3-D .npy, an animated GIF); single frames side by side are one event. The order is that
of the names, where numbers count by their value ("2.png" before "10.png").
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cache, lru_cache
from pathlib import Path

import numpy as np

from mindcast.data.radar.axes import Axes
from mindcast.data.radar.sequences import arrays, pictures
from mindcast.data.radar.sequences.frame_times import gaps_of, times_of
from mindcast.data.radar.sequences.pictures import Grey
from mindcast.refusal import Refusal

SUFFIXES = (arrays.SUFFIX, ".png", ".gif")
KEPT_FRAMES = 64  # overlapping sequences read a frame several times


@dataclass(frozen=True)
class FrameEvent:
    """A series of frames; `places` are (file, number of the frame in it).

    axes: of arrays of several frames. times: of the frames, datetime64[s] UTC; None: not known.
    breaks: numbers of the frames before which others are missing.
    """

    name: str
    places: tuple[tuple[Path, int], ...]
    axes: Axes | None = None
    times: np.ndarray | None = field(default=None, compare=False)
    breaks: tuple[int, ...] = ()

    def __len__(self) -> int:
        return len(self.places)

    @property
    def files(self) -> list[Path]:
        """Its files, each once, in order."""
        return list(dict.fromkeys(path for path, _ in self.places))

    def frame(self, k: int) -> Grey:
        """Codes of frame k, (H, W) as stored, and which pixels are transparent, None for none.

        Refusal if it cannot be read or is coloured.
        """
        return _read(*self.places[k], self.axes)


def find_events(source: Path, axes: Axes | None = None) -> list[FrameEvent]:
    """The events of a folder; Refusal if there are none, or frames of unequal size.

    axes: of arrays of several frames; None: frames first.
    """
    _extent.cache_clear()  # the files may be others than when they were read last
    _read.cache_clear()
    if not source.is_dir():
        raise Refusal(f"{source}: no such folder; set data.prepare.source_dir")
    entries = sorted((p for p in source.iterdir() if p.name[0] != "."), key=by_number)
    folders = [entry for entry in entries if entry.is_dir()]
    files = [entry for entry in entries if entry.suffix.lower() in SUFFIXES]
    if folders and files:
        raise Refusal(
            f"{source}: holds sub-folders and frames ({folders[0].name}, "
            f"{files[0].name}); keep one kind, a sub-folder is one event"
        )
    if folders:
        events = [_event(folder.name, _frames_in(folder), axes) for folder in folders]
    else:
        events = _events_of_files(source, files, axes)
    events = [event for event in events if len(event)]
    if not events:
        raise Refusal(
            f"{source}: no frames, expected {', '.join(SUFFIXES)} files or sub-folders of them"
        )
    _check_sizes(events, axes)
    return events


def frame_files(source: Path) -> Iterator[Path]:
    """All files of frames of a folder and of its sub-folders."""
    for folder in (source, *(entry for entry in source.iterdir() if _is_event(entry))):
        yield from _frames_in(folder)


def timed(event: FrameEvent, interval_minutes: int) -> FrameEvent:
    """The event with the times in the names of its frames, if they hold any, and its gaps.

    Refusal for times that do not rise by the interval, see `gaps_of`.
    """
    if len(event.files) < len(event):  # a file of several frames has one name
        return event
    times = times_of(event.files, interval_minutes)
    if times is None:
        return event
    return replace(event, times=times, breaks=gaps_of(event.files, times, interval_minutes))


def _events_of_files(source: Path, files: list[Path], axes: Axes | None) -> list[FrameEvent]:
    counts = {path: _extent(path, axes)[0] for path in files}
    several = [path for path in files if counts[path] > 1]
    if several and len(several) < len(files):
        single = next(path for path in files if counts[path] == 1)
        raise Refusal(
            f"{source}: {several[0].name} holds {counts[several[0]]} frames, "
            f"{single.name} one; put the frames of an event into a sub-folder"
        )
    if several:
        return [_event(path.stem, [path], axes) for path in files]
    return [_event(source.name, files, axes)]


def _frames_in(folder: Path) -> list[Path]:
    files = [p for p in folder.iterdir() if p.suffix.lower() in SUFFIXES and p.name[0] != "."]
    return sorted(files, key=by_number)


def _is_event(entry: Path) -> bool:
    return entry.is_dir() and entry.name[0] != "."


def _event(name: str, files: list[Path], axes: Axes | None) -> FrameEvent:
    places = tuple((p, k) for p in files for k in range(_extent(p, axes)[0]))
    return FrameEvent(name, places, axes)


def _check_sizes(events: list[FrameEvent], axes: Axes | None) -> None:
    files = [path for event in events for path in event.files]
    first = files[0]
    for path in files:
        if _extent(path, axes)[1:] != _extent(first, axes)[1:]:
            found, others = ("{} x {}".format(*_extent(p, axes)[1:]) for p in (path, first))
            raise Refusal(
                f"{path}: has frames of {found}, {first.name} has {others}; all must be of one size"
            )


def by_number(path: Path) -> list[tuple[int, int, str]]:
    """What puts names in order, numbers in them by their value."""
    parts = re.split(r"(\d+)", path.name)
    return [(0, int(p), "") if p.isdecimal() else (1, 0, p.lower()) for p in parts if p]


@cache
def _extent(path: Path, axes: Axes | None) -> tuple[int, int, int]:
    """(frames, height, width) of a file, from its header."""
    is_array = path.suffix.lower() == arrays.SUFFIX
    return arrays.extent(path, axes) if is_array else pictures.extent(path)


@lru_cache(maxsize=KEPT_FRAMES)
def _read(path: Path, number: int, axes: Axes | None) -> Grey:
    if path.suffix.lower() == arrays.SUFFIX:
        return arrays.read_frame(path, number, axes), None
    return pictures.read_grey(path, number)
