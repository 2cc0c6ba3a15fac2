"""What a baseline may see of a case, and what it hands back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Past:
    """The input of one case and what its numbers mean.

    context: (Tc, H, W, 1) in [0, 1], oldest first. frames: that follow, T, as far apart.
    value_scale, unit: physical value of 1, and of what. pixel_km: side of a pixel.
    members: of a baseline that is an ensemble. seed: of its random numbers; its own for each case.
    """

    context: np.ndarray
    frames: int
    interval_minutes: int
    value_scale: float
    unit: str
    pixel_km: float = 2.0
    members: int = 1
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Nowcast:
    """A forecast in [0, 1], (T, H, W, 1), or (M, T, H, W, 1) of an ensemble.

    instead: which simpler forecast this is, "" where the baseline could be made. why: the reason.
    """

    forecast: np.ndarray
    instead: str = ""
    why: str = ""
