"""What a score of a nowcast hands back, and the shapes that it takes.

Everywhere in this room: a forecast is (N, T, H, W, C), an ensemble (N, M, T, H, W, C), the truth
(N, T, H, W, C), float32 in [0, 1], unless a docstring differs; value_scale takes them to physical
values.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class LeadEntry:
    """One number of the report, over all lead times and for each of them; NaN where undefined.

    threshold: in physical values; None for a mean over thresholds or a score without any.
    pool: pixels on a side of the pooled blocks; None for a score that knows no pooling.
    scale: pixels on a side of the neighbourhood; None for a score that knows none.
    """

    score: str
    overall: float
    per_lead: tuple[float, ...]
    threshold: float | None = None
    pool: int | None = None
    scale: int | None = None

    @property
    def name(self) -> str:
        """Unique within a row: "mae", "csi", "csi_74", "csi_74_pool4", "fss_74_scale9"."""
        return entry_name(self.score, self.threshold, self.pool, self.scale)


def entry_name(
    score: str, threshold: float | None = None, pool: int | None = None, scale: int | None = None
) -> str:
    """The key of an entry in a result, see `LeadEntry.name`."""
    name = score if threshold is None else f"{score}_{threshold:g}"
    name = name if pool in (None, 1) else f"{name}_pool{pool}"
    return name if scale is None else f"{name}_scale{scale}"


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
