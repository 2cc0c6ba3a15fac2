"""The face of a score, what it hands back, and the running mean that most scores are made of.

Everywhere in this room: a forecast is (N, T, H, W, C), an ensemble (N, M, T, H, W, C), the truth
(N, T, H, W, C), float32 in [0, 1], unless said otherwise; value_scale takes them to physical
values (VIL: 255).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np


@dataclass(frozen=True)
class Entry:
    """One number of the report, over all lead times and for each of them; NaN where undefined.

    threshold: in physical values; None for a mean over thresholds or a score without any.
    pool: pixels on a side of the pooled blocks; None for a score that knows no pooling.
    """

    score: str
    overall: float
    per_lead: tuple[float, ...]
    threshold: float | None = None
    pool: int | None = None

    @property
    def name(self) -> str:
        """Unique within a row: "mae", "csi", "csi_74", "csi_pool4", "csi_74_pool4"."""
        return entry_name(self.score, self.threshold, self.pool)


def entry_name(score: str, threshold: float | None = None, pool: int | None = None) -> str:
    """The key of an entry in a result, see `Entry.name`."""
    name = score if threshold is None else f"{score}_{threshold:g}"
    return name if pool in (None, 1) else f"{name}_pool{pool}"


class Score(Protocol):
    """Takes a test split batch by batch; its memory does not grow with the number of batches."""

    def update(self, forecast: np.ndarray, truth: np.ndarray) -> None:
        """Add a batch; ValueError if the shapes are not those that the score is defined on."""
        ...

    def result(self) -> list[Entry]:
        """The scores of everything added so far; NaN before the first batch."""
        ...


class LeadMean:
    """Mean of a per-pixel quantity over all batches, in all and per lead time, in float64."""

    def __init__(self, frames: int) -> None:
        self.total = np.zeros(frames)
        self.count = np.zeros(frames)

    def add(self, values: np.ndarray, counted: np.ndarray) -> None:
        """Add (N, T, ...) values where `counted` (same shape) holds; a NaN there stays visible."""
        axes = (0, *range(2, values.ndim))
        self.total += np.where(counted, values, 0).sum(axis=axes, dtype=np.float64)
        self.count += np.count_nonzero(counted, axis=axes)

    @property
    def overall(self) -> float:
        return float(ratio(self.total.sum(), self.count.sum()))

    @property
    def per_lead(self) -> np.ndarray:
        return ratio(self.total, self.count)


def ratio(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    """Quotient, NaN where the denominator is zero: an undefined score must not look like one."""
    numerator, denominator = np.broadcast_arrays(numerator, denominator)
    quotient = np.full(numerator.shape, np.nan)
    np.divide(numerator, denominator, out=quotient, where=denominator != 0)
    return quotient


def check_forecast(forecast: np.ndarray, truth: np.ndarray, frames: int) -> None:
    """ValueError unless both are (N, frames, H, W, C)."""
    if truth.ndim != 5 or truth.shape[1] != frames or forecast.shape != truth.shape:
        raise ValueError(
            f"got forecast {forecast.shape} and truth {truth.shape}, "
            f"expected two of (N, {frames}, H, W, C)"
        )


def check_ensemble(ensemble: np.ndarray, truth: np.ndarray, frames: int) -> None:
    """ValueError unless they are (N, M, frames, H, W, C) and (N, frames, H, W, C)."""
    if ensemble.ndim != 6 or not ensemble.shape[1]:
        raise ValueError(f"got ensemble {ensemble.shape}, expected (N, M, {frames}, H, W, C)")
    check_forecast(ensemble[:, 0], truth, frames)
