"""Which tiles of an area to take: wholly where the radar sees, where it rains, far apart."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from mindcast.data.radar.composites.series import Field

SEEN = 0.99  # of the frames: so often a pixel is known in the area that counts as seen
ENOUGH = 0.5  # of the rain of the wettest tile
Origin = tuple[int, int]


class Area:
    """What is known of the pixels of an area, frame by frame: how often seen, how often wet."""

    def __init__(self, wet_code: float) -> None:
        self.wet_code, self.frames = wet_code, 0
        self._seen: np.ndarray | None = None
        self._wet: np.ndarray | None = None

    def add(self, field: Field) -> None:
        """One more frame."""
        seen, wet = ~field.missing, field.codes >= self.wet_code
        self.frames += 1
        self._seen = seen.astype(np.int64) if self._seen is None else self._seen + seen
        self._wet = wet.astype(np.int64) if self._wet is None else self._wet + wet

    @property
    def shape(self) -> tuple[int, int]:
        """(H, W); (0, 0) without a frame."""
        if self._seen is None:
            return 0, 0
        height, width = self._seen.shape
        return height, width

    def origins(
        self, tile: tuple[int, int], most: int, gap: int, missing_share: float
    ) -> list[Origin]:
        """At most so many tiles, `gap` apart or more; none where the seen area holds none.

        The wettest comes first, then always the one that is farthest from those before, of those
        that are half as wet.
        """
        small = any(n < m for n, m in zip(self.shape, tile, strict=True))
        if self._seen is None or self._wet is None or small:
            return []
        hidden = _sums(self._seen < SEEN * self.frames, tile)
        fits = hidden <= missing_share * tile[0] * tile[1]
        wetness = np.where(fits, _sums(self._wet, tile), -1)
        candidates = np.argwhere(fits & (wetness >= ENOUGH * wetness.max()))
        return _spread(candidates, wetness, most, gap)


def _sums(values: np.ndarray, tile: tuple[int, int]) -> np.ndarray:
    """Of `values` within the tile from every origin on, (H - h + 1, W - w + 1)."""
    total = np.pad(values.astype(np.int64), ((1, 0), (1, 0))).cumsum(0).cumsum(1)
    h, w = tile
    return total[h:, w:] - total[:-h, w:] - total[h:, :-w] + total[:-h, :-w]


def _spread(candidates: np.ndarray, wetness: np.ndarray, most: int, gap: int) -> list[Origin]:
    if not len(candidates):
        return []
    number = int(np.argmax(wetness[tuple(candidates.T)]))
    distance = np.full(len(candidates), np.inf)
    chosen: list[Origin] = []
    while len(chosen) < most and distance[number] >= gap:
        row, column = candidates[number]
        chosen.append((int(row), int(column)))
        distance = np.minimum(distance, np.hypot(*(candidates - candidates[number]).T))
        number = int(np.argmax(distance))
    return chosen


def check_inside(origins: Iterable[Origin], tile: Sequence[int], shape: Sequence[int]) -> bool:
    """Whether all tiles lie in an area of that shape."""
    return all(o + t <= n for one in origins for o, t, n in zip(one, tile, shape, strict=True))
