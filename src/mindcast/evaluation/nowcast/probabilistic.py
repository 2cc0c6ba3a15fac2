"""Scores of an ensemble as a whole: CRPS, spread and its ratio to the error, rank histogram.

Pixels that the truth lacks (NaN) are left out; a NaN in a member makes the score NaN, but a pixel
that a member lacks has no rank.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from mindcast.evaluation.crps import crps
from mindcast.evaluation.means import RunningMean, ratio
from mindcast.evaluation.nowcast.base import LeadEntry, check_ensemble
from mindcast.evaluation.nowcast.pixel import in_both_units
from mindcast.evaluation.ranks import Ranks


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


class RankHistogram:
    """The rank of the truth among the members by lead time, see `evaluation.ranks`.

    What is not above `dry`, in [0, 1], is no rain and counts as equal: else the truth, which has
    true zeros, would be below members that are as good as dry. Pixels where all members and the
    truth are dry could have any rank; they say nothing and are left out, which keeps a reliable
    ensemble flat, as no one of the M + 1 values is told from the others by it.
    """

    def __init__(self, frames: int, members: int, dry: float) -> None:
        self.ranks, self.dry = Ranks(frames, members), np.float32(dry)
        self.wet, self.known = 0, 0

    def update(self, ensemble: np.ndarray, truth: np.ndarray) -> None:
        """Add ensembles (N, M, T, H, W, C) and their truth (N, T, H, W, C)."""
        check_ensemble(ensemble, truth, len(self.ranks.table))
        ensemble, truth = np.maximum(ensemble, self.dry), np.maximum(truth, self.dry)
        known = ~(np.isnan(truth) | np.isnan(ensemble).any(axis=1))
        wet = known & ((truth > self.dry) | (ensemble > self.dry).any(axis=1))
        self.ranks.add(ensemble, truth, wet)
        self.wet += np.count_nonzero(wet)
        self.known += np.count_nonzero(known)

    def result(self) -> dict[str, Any]:
        """Shares of the ranks 0..M, "overall" and "per_lead", and the share of "wet" pixels.

        NaN where no pixel is wet, or none known.
        """
        return {
            "overall": self.ranks.pooled.tolist(),
            "per_lead": self.ranks.each.tolist(),
            "wet": float(ratio(np.array(self.wet), np.array(self.known))),
        }
