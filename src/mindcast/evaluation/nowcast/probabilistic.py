"""Scores of an ensemble as a whole: CRPS, spread and its ratio to the error.

Pixels that the truth lacks (NaN) are left out; a NaN in a member makes the score NaN.
"""

from __future__ import annotations

import numpy as np

from mindcast.evaluation.crps import crps
from mindcast.evaluation.means import RunningMean, ratio
from mindcast.evaluation.nowcast.base import LeadEntry, check_ensemble
from mindcast.evaluation.nowcast.pixel import in_both_units


class EnsembleCRPS:
    """Mean `crps` over all pixels, in [0, 1] and physical values.

    Named "crps" (fair) or "crps_plain"; a single-valued forecast is an ensemble of one.
    """

    def __init__(self, frames: int, value_scale: float, fair: bool = True) -> None:
        self.mean, self.value_scale, self.fair = RunningMean(frames), value_scale, fair

    def update(self, ensemble: np.ndarray, truth: np.ndarray) -> None:
        """Add ensembles (N, M, T, H, W, C) and their truth (N, T, H, W, C)."""
        check_ensemble(ensemble, truth, len(self.mean.total))
        self.mean.add(crps(ensemble, truth, self.fair), ~np.isnan(truth))

    def result(self) -> list[LeadEntry]:
        """Both units."""
        return in_both_units("crps" if self.fair else "crps_plain", self.mean, self.value_scale)


class SpreadSkill:
    """Spread of the members beside the error of their mean; a reliable ensemble has ratio 1.

    "spread" is the root of the mean unbiased ensemble variance, in [0, 1]; "spread_skill" is
    sqrt((M + 1) / M) spread / RMSE of the ensemble mean, which is what a reliable ensemble of M
    members brings to 1 (Fortin et al. 2014). NaN for one member or a perfect mean.
    """

    def __init__(self, frames: int) -> None:
        self.variance, self.error = RunningMean(frames), RunningMean(frames)

    def update(self, ensemble: np.ndarray, truth: np.ndarray) -> None:
        """Add ensembles (N, M, T, H, W, C), M the same in every batch, and their truth."""
        check_ensemble(ensemble, truth, len(self.error.total))
        members = ensemble.shape[1]
        if members == 1:
            return
        mean = ensemble.mean(axis=1, dtype=np.float64)
        deviation = ensemble - mean[:, None]
        variance = np.square(deviation).sum(axis=1) / (members - 1)
        counted = ~np.isnan(truth)
        # its factor goes to the error here, so that M need not be known at the end
        self.variance.add(variance, counted)
        self.error.add(np.square(mean - truth) * members / (members + 1), counted)

    def result(self) -> list[LeadEntry]:
        """Entries "spread" and "spread_skill"."""
        spreads = np.sqrt([self.variance.pooled, *self.variance.each])
        errors = np.sqrt([self.error.pooled, *self.error.each])
        ratios = ratio(spreads, errors)
        return [
            LeadEntry(name, float(values[0]), tuple(values[1:].tolist()))
            for name, values in (("spread", spreads), ("spread_skill", ratios))
        ]
