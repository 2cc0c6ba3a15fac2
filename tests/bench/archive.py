"""An archive like SEVIR, of any size: real layout and file sizes, events that repeat."""

from __future__ import annotations

import csv
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import h5py
import numpy as np

from mindcast.data.radar.archive.catalogue import FILE_NAME
from mindcast.data.radar.archive.event_files import IMAGE_TYPE, SEVIR_SHAPE
from mindcast.data.radar.archive.rain import rain_event
from mindcast.data.radar.archive.settings import SPLIT_DATE
from mindcast.refusal import Refusal

COARSE = 96  # pixels of the generated events, drawn larger
DIFFERENT = 4  # events that are generated; the others are these, displaced
EVENTS_A_FILE = 64
INTERVAL_MINUTES = 5
SPARE = 1.2  # of the room on the disk
GB = 1e9


@contextmanager
def large_archive(gigabytes: float) -> Iterator[Path]:
    """The root of an archive of that size, which is gone afterwards; Refusal without room."""
    room = shutil.disk_usage(tempfile.gettempdir()).free
    if room < SPARE * gigabytes * GB:
        raise Refusal(
            f"--archive-gb {gigabytes:g}: {tempfile.gettempdir()} has {room / GB:.1f} GB free, "
            f"expected {SPARE * gigabytes:.1f}; choose a smaller one, or set TMPDIR"
        )
    with tempfile.TemporaryDirectory(prefix="mindcast-bench-") as folder:
        root = Path(folder)
        write(root, max(2, round(gigabytes * GB / np.prod(SEVIR_SHAPE))))
        yield root


def write(root: Path, events: int) -> None:
    """Catalogue and files, not compressed, all before the date of the test."""
    kinds = [_event(number) for number in range(DIFFERENT)]
    rows: list[dict[str, object]] = []
    for first in range(0, events, EVENTS_A_FILE):
        numbers = range(first, min(first + EVENTS_A_FILE, events))
        name = f"{IMAGE_TYPE}/2018/BENCH_VIL_{first:06d}.h5"
        _write_file(root / "data" / name, kinds, numbers)
        rows += [_row(name, number, number - first, events) for number in numbers]
    with (root / FILE_NAME).open("w", newline="", encoding="utf-8") as text:
        writer = csv.DictWriter(text, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def _event(number: int) -> np.ndarray:
    rng = np.random.default_rng(number)
    codes = rain_event(rng, COARSE, SEVIR_SHAPE[2], INTERVAL_MINUTES)
    factor = SEVIR_SHAPE[0] // COARSE
    return codes.repeat(factor, axis=0).repeat(factor, axis=1)


def _write_file(path: Path, kinds: list[np.ndarray], numbers: range) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        shape = (len(numbers), *SEVIR_SHAPE)
        stored = file.create_dataset(IMAGE_TYPE, shape, np.uint8, chunks=(1, *SEVIR_SHAPE))
        for index, number in enumerate(numbers):
            stored[index] = np.roll(kinds[number % len(kinds)], number, axis=1)


def _row(name: str, number: int, index: int, events: int) -> dict[str, object]:
    frames = SEVIR_SHAPE[2]
    offsets = (np.arange(frames) - frames // 2) * INTERVAL_MINUTES
    return {
        "id": f"S{number:06d}",
        "file_name": name,
        "file_index": index,
        "img_type": IMAGE_TYPE,
        "time_utc": SPLIT_DATE - (events - number) * timedelta(hours=6),
        "minute_offsets": ":".join(map(str, offsets)),
        "pct_missing": 0.0,
    }
