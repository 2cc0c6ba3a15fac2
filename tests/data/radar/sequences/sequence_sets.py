"""Tiny files in the layouts of MeteoNet, Shanghai and CIKM, written for one test."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import h5py
import numpy as np

from mindcast.data import DATASETS
from mindcast.data.radar.sequences.layouts import LAYOUTS
from tests.data.radar.windows import Window

SIZE, FRAMES = 8, 9
COUNTS = {"train": 12, "test": 3}


def random_codes(
    name: str, count: int, frames: int = FRAMES, size: tuple[int, int] = (SIZE, SIZE), seed: int = 0
) -> list[np.ndarray]:
    """Sequences of what the set `name` stores; the largest value is in every frame."""
    rng = np.random.default_rng(seed)
    top = 70 if LAYOUTS[name].physical else 255
    sequences = [rng.integers(0, top, (frames, *size), dtype=np.uint8) for _ in range(count)]
    for codes in sequences:
        codes[:, 0, 0] = top
    return sequences


def write(
    path: Path,
    name: str = "shanghai",
    splits: Mapping[str, list[np.ndarray]] | None = None,
    counted: bool = True,
) -> dict[str, list[np.ndarray]]:
    """A file in the layout of `name`; by default random, with `COUNTS` sequences."""
    layout = LAYOUTS[name]
    if splits is None:
        splits = {
            split: random_codes(name, count, seed=k)
            for k, (split, count) in enumerate(COUNTS.items())
        }
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        for split, sequences in splits.items():
            group = file.create_group(split)
            for number, codes in enumerate(sequences):
                group[layout.name(number)] = codes
            if counted:
                place = file if "{group}" in layout.count else group
                place[layout.count.format(group=split)] = len(sequences)
    return dict(splits)


def settings(path: Path, name: str = "shanghai", **changes: object):
    return DATASETS[name].settings_type.model_validate(
        {"name": name, "root_dir": str(path), **changes}
    )


def window(
    length: int = 5, stride: int = 2, size: tuple[int, int] = (SIZE, SIZE), context: int = 2
) -> Window:
    return Window(length, stride, size, context)
