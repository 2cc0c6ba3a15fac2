"""CATALOG.csv of a SEVIR-like archive: which events there are, when and in which file.

Rows are read one at a time, so that memory holds the chosen events only.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np

from mindcast.data.base_settings import to_utc
from mindcast.refusal import Refusal

FILE_NAME = "CATALOG.csv"
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
        """Valid times of all frames, datetime64[m].

        Offsets for more frames than there are come from a catalogue made before the archive was
        thinned in time: every n-th is taken. Without fitting offsets `time` is the middle frame.
        """
        offsets = _numbers(self.minute_offsets)
        thinning = (len(offsets) - 1) // max(frames - 1, 1)
        offsets = offsets[::thinning] if thinning > 0 else []
        if len(offsets) != frames:
            offsets = [(i - frames // 2) * interval_minutes for i in range(frames)]
        minutes = np.rint(offsets).astype(np.int64).astype("timedelta64[m]")
        return np.datetime64(self.time, "m") + minutes


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


def date_range(root: Path) -> str:
    """The first and last time in the catalogue, for messages."""
    times = [_time(row, where) for where, row in _rows(root)]
    return f"{min(times)} to {max(times)}" if times else "no rows"


def file_names(root: Path, image_type: str) -> list[str]:
    """The files that hold events of a type, relative to data/, in order of their names."""
    return sorted({row["file_name"] for _, row in _rows(root) if row["img_type"] == image_type})


def _complete_rows(root: Path, image_type: str) -> Iterator[Event]:
    for where, row in _rows(root):
        if row["img_type"] == image_type and _number(row, "pct_missing", where) == 0:
            yield Event(
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
    except ValueError:
        raise Refusal(
            f"{where}: time_utc = {row['time_utc']!r}, expected a date and time like "
            "2019-06-01 00:00:00"
        ) from None


def _numbers(text: str) -> list[float]:
    """Colon-separated numbers; none where the text is anything else."""
    try:
        return [float(part) for part in text.split(":")]
    except ValueError:
        return []
