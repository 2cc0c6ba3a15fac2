"""Whether a field, coarsened again, gives back what it was made from."""

from __future__ import annotations

import numpy as np

from mindcast.evaluation.downscale.base import LevelEntry, root_entry
from mindcast.evaluation.downscale.target import Target
from mindcast.evaluation.means import RunningMean
from mindcast.physics.resample import block_mean


class BlockMeanError:
    """ "block_mean_rmse": RMSE in K of the field's block means against the coarse field.

    0 for the truth. Blocks count that lie wholly above ground.
    """

    def __init__(self, levels: int) -> None:
        self.square = RunningMean(levels)

    def update(self, field: np.ndarray, target: Target) -> None:
        """Add fields (N, Z, H, W)."""
        error = block_mean(field, target.factor, target.row_weights) - target.coarse
        above = block_mean((target.points > 0).astype(float), target.factor) == 1
        self.square.add(np.square(error), above * block_mean(target.points, target.factor))

    def result(self) -> list[LevelEntry]:
        """One entry."""
        return [root_entry("block_mean_rmse", "K", self.square)]
