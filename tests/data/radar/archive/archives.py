"""Tiny archives in the SEVIR layout, written for one test."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path

import h5py
import numpy as np

from mindcast.data.radar.archive.settings import SevirLRSettings
from tests.data.radar.windows import Window

COLUMNS = ("id", "file_name", "file_index", "img_type", "time_utc", "pct_missing")
FILE = "vil/2019/A.h5"
SIZE, FRAMES = 6, 10


def row(
    name: str,
    index: int = 0,
    time: str = "2019-01-01 12:00:00",
    pct: object = 0.0,
    image_type: str = "vil",
    file: str = FILE,
) -> dict[str, object]:
    return dict(zip(COLUMNS, (name, file, index, image_type, time, pct), strict=True))


def write_catalogue(root: Path, rows: Iterable[dict[str, object]]) -> None:
    rows = list(rows)
    root.mkdir(parents=True, exist_ok=True)
    with (root / "CATALOG.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def write_events(root: Path, array: np.ndarray, file: str = FILE, key: str = "vil") -> Path:
    path = root / "data" / file
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as archive:
        archive[key] = array
    return path


def random_events(count: int, size: int = SIZE, frames: int = FRAMES) -> np.ndarray:
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (count, size, size, frames), dtype=np.uint8)


def write_archive(root: Path, count: int = 4) -> np.ndarray:
    """`count` events E0, E1, ... a day apart, the first on 1 January 2019; returns their codes."""
    events = random_events(count)
    write_events(root, events)
    write_catalogue(root, [row(f"E{i}", i, f"2019-01-{i + 1:02d} 12:00:00") for i in range(count)])
    return events


def settings(root: Path, **changes: object) -> SevirLRSettings:
    tree = {
        "name": "sevir_lr",
        "root_dir": str(root),
        "frame_size": (SIZE, SIZE),
        "frames_per_event": FRAMES,
        "val_fraction": 0.0,
        **changes,
    }
    return SevirLRSettings.model_validate(tree)


def window(length: int = 4, stride: int = 3, size: int = SIZE, context: int = 2) -> Window:
    return Window(length, stride, (size, size), context)
