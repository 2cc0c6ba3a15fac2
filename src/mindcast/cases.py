"""One case of a test: a sample with its forecasts, and all that scores, files and pictures need.

forecasts: by method, baselines among them. A deterministic one has the shape of the truth, an
ensemble an axis of members in front, even if it has only one.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Generic

import numpy as np

from mindcast.samples import Coordinates, DownscaleInput, Kind, NowcastInput, Sample

# relative: by less is a value off that was divided by its scale and multiplied again in float32
ROUNDING = 4 * float(np.finfo(np.float32).eps)


@dataclass(eq=False)
class Case(ABC, Generic[Kind]):
    """What the cases of all tasks share.

    label: a name fit for a file. ValueError for a truth that is not of `shape`.
    """

    label: str
    sample: Sample[Kind]
    forecasts: dict[str, np.ndarray] = field(default_factory=dict, kw_only=True)

    def __post_init__(self) -> None:
        truth = self.sample.truth
        if truth is not None and truth.shape != self.shape:
            raise ValueError(f"{self.label}: got truth {truth.shape}, expected {self.shape}")

    @property
    @abstractmethod
    def shape(self) -> tuple[int, ...]:
        """Of the truth and of one member of a forecast."""

    @property
    def truth(self) -> np.ndarray:
        """What came of it; ValueError where that is not known."""
        return self.sample.known_truth

    def members(self, method: str) -> np.ndarray:
        """(M, *shape); a deterministic forecast is its only member. ValueError for others."""
        forecast = self.forecasts[method]
        members = forecast[np.newaxis] if forecast.ndim == len(self.shape) else forecast
        if not len(members) or members.shape[1:] != self.shape:
            raise ValueError(
                f"{self.label}: got {method} {forecast.shape}, expected {self.shape} or members "
                "of it"
            )
        return members

    def is_ensemble(self, method: str) -> bool:
        """Whether a forecast has an axis of members, be it only one: a draw is no single field."""
        return self.forecasts[method].ndim > len(self.shape)

    def first(self, methods: Iterable[str], ensemble: bool) -> str | None:
        """The first of the methods that is an ensemble, or that is none; None if there is none."""
        return next((name for name in methods if self.is_ensemble(name) == ensemble), None)


def reached(physical: np.ndarray, threshold: float, rounding: float = ROUNDING) -> np.ndarray:
    """Where values are at or above a threshold, or below it by no more than `rounding`, relative.

    The default is for values that were scaled to [0, 1] and back.
    """
    return np.asarray(physical >= threshold - abs(threshold) * rounding)


@dataclass(eq=False)
class NowcastCase(Case[NowcastInput]):
    """Frames in [0, 1]; those of a forecast are (T, H, W, 1) or (M, T, H, W, 1).

    times: valid times of the Tc frames of the context and the T that follow, datetime64[m], UTC.
    value_scale: physical value of 1. unit: of physical values. key: of the sample, see
    `Samples.keys`: what random numbers depend on.
    """

    times: np.ndarray
    value_scale: float
    unit: str
    key: int = field(default=0, kw_only=True)

    @property
    def context(self) -> np.ndarray:
        """(Tc, H, W, 1)."""
        return self.sample.input.context

    @property
    def shape(self) -> tuple[int, ...]:
        """(T, H, W, 1)."""
        return (len(self.times) - len(self.context), *self.context.shape[1:])


@dataclass(eq=False)
class DownscaleCase(Case[DownscaleInput]):
    """Temperatures in K; those of a forecast are (Z, H, W, 1) or (M, Z, H, W, 1).

    coordinates: of the fine grid. factor: its points along a side of a coarse cell.
    """

    coordinates: Coordinates
    factor: int

    @property
    def shape(self) -> tuple[int, ...]:
        """(Z, H, W, 1)."""
        where = self.coordinates
        return (len(where.levels_hpa), len(where.y.values), len(where.x.values), 1)
