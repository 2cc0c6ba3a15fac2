"""What a downscaled field is measured against, prepared once for all methods.

Layout of this room: a field is (N, Z, H, W, 1), an ensemble (N, M, Z, H, W, 1), temperatures in K,
levels from the bottom upwards. Inside the scores the last axis is dropped and all is float64.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from mindcast.physics.horizontal import ROW_WEIGHT
from mindcast.physics.resample import cells
from mindcast.physics.statics import SIN_LATITUDE
from mindcast.samples import DownscaleSample


@dataclass(frozen=True, eq=False)
class Target:
    """Truth of a batch with what decides how it counts.

    truth (N, Z, H, W, 1) and temperature_lr (N, Z, h, w, 1) in K, h = ceil(H / factor). weight
    (N, Z, H, W, 1): 1 above the ground, 0 below it, where pressure exceeds the surface pressure
    and the field is the producer's invention; None counts every point. area (H, W) or (N, H, W),
    positive, say cos(latitude): how much a point counts among its level's; None counts all alike.
    row_weights (H,): those with which block means made temperature_lr; None for the plain mean.
    ValueError for shapes that do not belong together.
    """

    truth: np.ndarray
    temperature_lr: np.ndarray
    factor: int
    weight: np.ndarray | None = None
    area: np.ndarray | None = None
    row_weights: np.ndarray | None = None

    @classmethod
    def of(cls, sample: DownscaleSample, factor: int, by_area: bool = False) -> Target:
        """The target of one sample, not batched, that has a truth.

        factor: points along a side of a coarse cell. by_area: whether they count by cos(latitude).
        """
        if sample.truth is None:
            raise ValueError("got a sample without truth, expected one to score against")
        given = sample.input
        square = np.square(given.statics[..., SIN_LATITUDE])
        area = np.sqrt(np.maximum(1 - square, 0)) if by_area else None
        return cls(
            sample.truth[np.newaxis],
            given.temperature_lr[np.newaxis],
            factor=factor,
            weight=given.weight[np.newaxis],
            area=area,
            row_weights=given.metric[:, 0, ROW_WEIGHT],
        )

    def __post_init__(self) -> None:
        if self.truth.ndim != 5 or self.truth.shape[-1] != 1:
            raise ValueError(f"got truth {self.truth.shape}, expected (N, Z, H, W, 1)")
        n, levels, height, width, _ = self.truth.shape
        coarse = (n, levels, cells(height, self.factor), cells(width, self.factor), 1)
        if self.temperature_lr.shape != coarse:
            raise ValueError(
                f"got temperature_lr {self.temperature_lr.shape} for truth {self.truth.shape} "
                f"and factor {self.factor}, expected {coarse}"
            )
        if self.weight is not None and self.weight.shape != self.truth.shape:
            raise ValueError(f"got weight {self.weight.shape}, expected {self.truth.shape}")
        if self.area is not None and self.area.shape not in {(height, width), (n, height, width)}:
            raise ValueError(
                f"got area {self.area.shape}, expected ({height}, {width}) "
                f"or ({n}, {height}, {width})"
            )

    @property
    def size(self) -> tuple[int, int]:
        """(H, W)."""
        height, width = self.truth.shape[2:4]
        return height, width

    @cached_property
    def field(self) -> np.ndarray:
        """The truth, (N, Z, H, W) float64."""
        return as_field(self.truth)

    @cached_property
    def coarse(self) -> np.ndarray:
        """temperature_lr, (N, Z, h, w) float64."""
        return as_field(self.temperature_lr)

    @cached_property
    def points(self) -> np.ndarray:
        """How much each point counts, (N, Z, H, W); `area` has mean 1 in each case."""
        points = np.ones(self.truth.shape[:4]) if self.weight is None else as_field(self.weight)
        if self.area is None:
            return points
        area = np.broadcast_to(self.area, (len(points), *points.shape[2:]))[:, None]
        return points * (area / area.mean(axis=(2, 3), keepdims=True, dtype=np.float64))

    @cached_property
    def layers(self) -> np.ndarray:
        """The same for pairs of adjacent levels, (N, Z - 1, H, W): both must be above ground."""
        return both(self.points[:, :-1], self.points[:, 1:])

    def above_ground(self, field: np.ndarray) -> np.ndarray:
        """(N, Z, H, W) with 0 at points that do not count, lest a NaN there spread upwards."""
        return np.where(self.points > 0, field, 0)


def as_field(values: np.ndarray) -> np.ndarray:
    """(..., H, W, 1) as float64 (..., H, W)."""
    return values[..., 0].astype(np.float64)


def both(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Weight of a difference between two points: it counts as little as the lesser does."""
    return np.minimum(first, second)
