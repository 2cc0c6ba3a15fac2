"""One golden file and the comparisons that are made with it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Comparison:
    """`got` must equal `expected` within `tolerance` x max|expected| (or `floor`, if larger).

    `tolerance` 0 demands equality, element by element.
    """

    name: str
    got: Any
    expected: Any
    tolerance: float = 1e-4
    floor: float = 0.0

    def error(self) -> float:
        """Largest deviation relative to the scale of the expected array; inf if shapes differ."""
        got, expected = np.asarray(self.got), np.asarray(self.expected)
        if got.shape != expected.shape:
            return float("inf")
        if not expected.size:
            return 0.0
        if expected.dtype.kind in "USOb" or self.tolerance == 0:
            return 0.0 if np.array_equal(got, expected) else float("inf")
        got, expected = got.astype(np.float64), expected.astype(np.float64)
        scale = max(np.abs(expected).max(), self.floor / self.tolerance, 1e-30)
        worst = np.abs(got - expected).max() / scale
        return float(worst) if np.isfinite(worst) else float("inf")

    def passed(self) -> bool:
        return self.error() <= self.tolerance


class GoldenFile(Mapping[str, np.ndarray]):
    """The arrays of one `.npz` with its `config`; a case inside it is a view by prefix."""

    def __init__(
        self, arrays: Mapping[str, np.ndarray], name: str, folder: Path | None = None
    ) -> None:
        self.arrays = dict(arrays)
        self.name = name
        self.folder = folder

    @classmethod
    def read(cls, path: Path) -> GoldenFile:
        with np.load(path, allow_pickle=False) as archive:
            return cls({key: archive[key] for key in archive.files}, path.stem, path.parent)

    def __getitem__(self, key: str) -> np.ndarray:
        return self.arrays[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.arrays)

    def __len__(self) -> int:
        return len(self.arrays)

    def json(self, key: str = "config") -> dict[str, Any]:
        """The JSON text stored under `key`."""
        return json.loads(str(self.arrays[key]))

    def under(self, prefix: str) -> dict[str, np.ndarray]:
        """Arrays whose key starts with `prefix` (a folder, ending in "/"), without it."""
        return {k[len(prefix) :]: v for k, v in self.arrays.items() if k.startswith(prefix)}

    def case(self, prefix: str) -> GoldenFile:
        """The sub-file below `prefix` ("odd/"), for files that hold several cases."""
        return GoldenFile(self.under(prefix), f"{self.name}:{prefix.rstrip('/')}", self.folder)

    def beside(self, name: str) -> GoldenFile:
        """Another file of the same folder."""
        return GoldenFile.read(self.folder / name)


Handler = Callable[[GoldenFile], Iterable[Comparison]]
