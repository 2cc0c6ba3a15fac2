"""One case of a test: a sample with its forecasts, and all that scores, files and pictures need.

forecasts: by method, baselines among them. A deterministic one has the shape of the truth, an
ensemble an axis of members in front.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from mindcast.samples import Coordinates, DownscaleSample, NowcastSample


@dataclass(eq=False)
class NowcastCase:
    """Frames in [0, 1]; those of a forecast are (T, H, W, 1) or (M, T, H, W, 1).

    label: a name fit for a file. times: valid times of the Tc frames of the context and the T that
    follow, datetime64[m], UTC. value_scale: physical value of 1. unit: of physical values.
    """

    label: str
    sample: NowcastSample
    times: np.ndarray
    value_scale: float
    unit: str
    forecasts: dict[str, np.ndarray] = field(default_factory=dict)

    @property
    def context(self) -> np.ndarray:
        """(Tc, H, W, 1)."""
        return self.sample.input.context


@dataclass(eq=False)
class DownscaleCase:
    """Temperatures in K; those of a forecast are (Z, H, W, 1) or (M, Z, H, W, 1).

    label: a name fit for a file. coordinates: of the fine grid.
    """

    label: str
    sample: DownscaleSample
    coordinates: Coordinates
    forecasts: dict[str, np.ndarray] = field(default_factory=dict)
