"""Scores of an ensemble: CRPS, spread beside skill, rank histogram."""

from __future__ import annotations

import numpy as np

from mindcast.evaluation.crps import crps
from mindcast.evaluation.downscale.base import LevelEntry, mean_entry, root_entry
from mindcast.evaluation.downscale.target import Target
from mindcast.evaluation.means import RunningMean, ratio
from mindcast.evaluation.ranks import Ranks


class EnsembleErrors:
    """ "crps" (fair), "crps_plain" (2 M^2 in place of 2 M (M - 1)), "spread", "spread_skill".

    spread: root of the mean unbiased variance of the members; spread_skill: sqrt((M + 1) / M)
    spread / RMSE of the ensemble mean, 1 for a reliable ensemble. See `evaluation.crps` for what
    "fair" means. Spread is undefined for one member, whose CRPS is its MAE.
    """

    def __init__(self, levels: int) -> None:
        self.fair, self.of_members, self.variance, self.error = (
            RunningMean(levels) for _ in range(4)
        )

    def update(self, ensemble: np.ndarray, target: Target) -> None:
        """Add ensembles (N, M, Z, H, W), M the same in every batch."""
        members, weight = ensemble.shape[1], target.points
        self.fair.add(crps(ensemble, target.field), weight)
        self.of_members.add(crps(ensemble, target.field, fair=False), weight)
        if members == 1:
            return
        self.variance.add(ensemble.var(axis=1, ddof=1), weight)
        squares = np.square(ensemble.mean(axis=1) - target.field)
        # its factor goes to the error here, so that M need not be known at the end
        self.error.add(squares * members / (members + 1), weight)

    def result(self) -> list[LevelEntry]:
        """Four entries."""
        spread = root_entry("spread", "K", self.variance)
        error = root_entry("error", "K", self.error)
        quotients = ratio(np.array(spread.values), np.array(error.values))
        overall = float(ratio(np.array(spread.overall), np.array(error.overall)))
        return [
            mean_entry("crps", "K", self.fair),
            mean_entry("crps_plain", "K", self.of_members),
            spread,
            LevelEntry("spread_skill", "1", overall, tuple(quotients.tolist())),
        ]


class RankHistogram:
    """The rank of the truth among the members by level, see `evaluation.ranks`."""

    def __init__(self, levels: int, members: int) -> None:
        self.ranks = Ranks(levels, members)

    def update(self, ensemble: np.ndarray, target: Target) -> None:
        """Add ensembles (N, M, Z, H, W)."""
        self.ranks.add(ensemble, target.field, target.points)

    def result(self) -> np.ndarray:
        """Shares (Z, M + 1), each level's sum to 1; NaN for a level without any weight."""
        return self.ranks.each
