"""CATALOG.csv of a SEVIR-like archive: which events there are, when and in which file.

Rows are read one at a time, so that memory holds the chosen events only.
"""

from __future__ import annotations

import csv
import math
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path

import numpy as np

from mindcast.config.dates import to_utc
from mindcast.refusal import Refusal

FILE_NAME = "CATALOG.csv"
JITTER_MINUTES = 1.0  # offsets are rounded to minutes
FAR_MINUTES = 1e6  # from an event's time, about two years
NEEDED = ("id", "file_name", "file_index", "img_type", "time_utc", "pct_missing")


@dataclass(frozen=True, slots=True)
class Event:
    """One row of the catalogue: row `file_index` of data/`file_name`, centred on `time` (UTC).

    minute_offsets: of every frame from `time`, colon-separated; empty where the catalogue has none.
    """

    id: str
    file_name: str
    file_index: int
    time: datetime
    minute_offsets: str

    def frame_times(self, frames: int, interval_minutes: int) -> np.ndarray:
        """Valid times of all frames, datetime64[m], `interval_minutes` apart.

        The catalogue's offsets place them; without any `time` is the middle frame. Refusal as
        `first_offset`.
        """
        first = first_offset(self.minute_offsets, frames, interval_minutes)
        minutes = round(first) + np.arange(frames) * interval_minutes
        return np.datetime64(self.time, "m") + minutes.astype("timedelta64[m]")


@lru_cache(maxsize=256)
def first_offset(minute_offsets: str, frames: int, interval_minutes: int) -> float:
    """Minutes from an event's time to the first of its frames; by default the middle one is there.

    Offsets for more frames than there are come from a catalogue made before the archive was
    thinned in time: every n-th is taken. Refusal if they do not lie `interval_minutes` apart, but
    for the jitter of clocks, or are not those of so many frames.
    """
    if ":" not in minute_offsets and not any(letter.isdigit() for letter in minute_offsets):
        return float(-(frames // 2) * interval_minutes)
    offsets = _thinned(minute_offsets, frames)
    grid = np.arange(frames) * float(interval_minutes)
    first = float(np.mean(offsets - grid))
    if np.abs(offsets - grid - first).max() > min(JITTER_MINUTES, interval_minutes / 2):
        steps = np.unique(np.diff(offsets))
        apart = f"{steps[0]:g}" if len(steps) == 1 else f"{steps[0]:g} to {steps[-1]:g}"
        raise Refusal(
            f"minute_offsets are {apart} minutes apart, expected data.interval_minutes = "
            f"{interval_minutes}; "
            + (
                f"set data.interval_minutes={apart}"
                if len(steps) == 1 and steps[0] >= 1 and steps[0].is_integer()
                else "fix them, or take such events out with pct_missing > 0"
            )
        )
    return first


def _thinned(minute_offsets: str, frames: int) -> np.ndarray:
    """The offsets of so many frames, minutes."""
    try:
        offsets = np.array([float(part) for part in minute_offsets.split(":")])
    except ValueError:
        offsets = np.array([np.nan])
    if not (np.abs(offsets) < FAR_MINUTES).all():  # NaN is not
        raise Refusal(
            f"minute_offsets = {minute_offsets[:60]!r}, expected numbers like -10:-5:0:5:10; "
            "fix them or leave them empty"
        )
    every = max((len(offsets) - 1) // max(frames - 1, 1), 1)
    if len(offsets[::every]) != frames:
        raise Refusal(
            f"{len(offsets)} minute_offsets for events of {frames} frames; set "
            "data.frames_per_event to match, fix them or leave them empty"
        )
    return offsets[::every]


def read_events(
    root: Path, image_type: str, after: datetime | None = None, until: datetime | None = None
) -> list[Event]:
    """Usable events with time in (after, until], ordered by id.

    Usable: nothing missing (`pct_missing` 0) and exactly one row of the type: an id that occurs
    twice is dropped altogether, as in the reference.
    """
    events = [
        event
        for event in _complete_rows(root, image_type)
        if (after is None or event.time > after) and (until is None or event.time <= until)
    ]
    rows_of = Counter(event.id for event in events)
    return sorted((e for e in events if rows_of[e.id] == 1), key=lambda event: event.id)


def find_event(root: Path, image_type: str, name: str) -> Event | None:
    """The event of an id, also one with pixels missing; None where the catalogue has it not."""
    for where, row in _rows(root):
        if row["img_type"] == image_type and row["id"] == name:
            return _event(row, where)
    return None


def check_minutes(root: Path, events: Iterable[Event], frames: int, interval_minutes: int) -> None:
    """Refusal if the catalogue says other minutes between the frames of an event."""
    for event in events:
        try:
            first_offset(event.minute_offsets, frames, interval_minutes)
        except Refusal as refusal:
            raise Refusal(f"{root / FILE_NAME}: event {event.id}: {refusal}") from None


def date_range(root: Path) -> str:
    """The first and last time in the catalogue, for messages."""
    times = [_time(row, where) for where, row in _rows(root)]
    return f"{min(times)} to {max(times)}" if times else "no rows"


def type_names(root: Path) -> list[str]:
    """The types of images that the catalogue has rows of, for messages."""
    return sorted({row["img_type"] for _, row in _rows(root)})


def file_names(root: Path, image_type: str) -> list[str]:
    """The files that hold events of a type, relative to data/, in order of their names."""
    return sorted({row["file_name"] for _, row in _rows(root) if row["img_type"] == image_type})


def pixel_km(root: Path, image_type: str, frame: tuple[int, int]) -> float | None:
    """Side of a pixel of stored frames (H, W), by the sides of the events' areas.

    None where the catalogue does not say them, or says several. Of the areas, since "size_x" may be
    that of an archive that was reduced since.
    """
    sides: set[float] = set()
    for where, row in _rows(root):
        if row["img_type"] == image_type:
            for column, pixels in zip(("height_m", "width_m"), frame, strict=True):
                metres = _number(row, column, where) if row.get(column) else math.nan
                sides.add(round(metres / pixels / 1000, 2))
    (only,) = sides if len(sides) == 1 else (math.nan,)
    return only if math.isfinite(only) and only > 0 else None


def _complete_rows(root: Path, image_type: str) -> Iterator[Event]:
    for where, row in _rows(root):
        if row["img_type"] == image_type and _number(row, "pct_missing", where) == 0:
            yield _event(row, where)


def _event(row: dict[str, str], where: str) -> Event:
    return Event(
        id=row["id"],
        file_name=row["file_name"],
        file_index=_index(row, where),
        time=_time(row, where),
        minute_offsets=row.get("minute_offsets") or "",
    )


def _rows(root: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """Every row with its place ("CATALOG.csv line 7"); Refusal if there is no usable catalogue."""
    path = root / FILE_NAME
    if not root.is_dir():
        raise Refusal(
            f"{root}: no such folder, expected {FILE_NAME} and data/ in it; set data.root_dir"
        )
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, restval="")
            _check_columns(path, reader.fieldnames or [])
            for row in reader:
                yield f"{path} line {reader.line_num}", row
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise Refusal(
            f"{path}: cannot be read ({reason}); the folder must hold the catalogue of the archive"
        ) from None


def _check_columns(path: Path, found: Iterable[str]) -> None:
    found = list(found)
    missing = [name for name in NEEDED if name not in found]
    twice = [name for name in NEEDED if found.count(name) > 1]
    if twice:
        raise Refusal(f"{path}: column {', '.join(twice)} occurs twice; keep the one that is right")
    if missing:
        raise Refusal(
            f"{path}: column {', '.join(missing)} missing, found {', '.join(found)}; "
            "use the catalogue of the archive"
        )


def _number(row: dict[str, str], column: str, where: str) -> float:
    text = row[column].strip()
    try:
        return float(text) if text else float("nan")
    except ValueError:
        raise Refusal(f"{where}: {column} = {text!r}, expected a number") from None


def _index(row: dict[str, str], where: str) -> int:
    number = _number(row, "file_index", where)
    if not number.is_integer() or number < 0:
        raise Refusal(f"{where}: file_index = {row['file_index']!r}, expected 0, 1, 2, ...")
    return int(number)


def _time(row: dict[str, str], where: str) -> datetime:
    try:
        return to_utc(datetime.fromisoformat(row["time_utc"].strip()))
    except (ValueError, OverflowError):
        raise Refusal(
            f"{where}: time_utc = {row['time_utc']!r}, expected a date and time like "
            "2019-06-01 00:00:00"
        ) from None
