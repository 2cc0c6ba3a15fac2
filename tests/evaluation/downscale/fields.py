"""Fields and targets of known content, shared by the tests of this folder."""

import numpy as np

from mindcast.evaluation.downscale.target import Target
from mindcast.physics.resample import block_mean

LEVELS = (1000.0, 850.0, 500.0)
FACTOR = 4


def target_of(truth, factor=FACTOR, **options):
    """The target of a truth (N, Z, H, W), coarsened by block means."""
    coarse = block_mean(truth, factor, options.get("row_weights"))
    return Target(truth[..., None], coarse[..., None], factor, **options)


def draw(seed=0, cases=2, members=5, side=16, levels=3):
    """An ensemble (N, M, Z, H, W) and a truth (N, Z, H, W) in K."""
    rng = np.random.default_rng(seed)
    ensemble = 270 + 5 * rng.standard_normal((cases, members, levels, side, side))
    return ensemble, 270 + 5 * rng.standard_normal((cases, levels, side, side))


def entries(score):
    """The entries of a score by name."""
    return {entry.score: entry for entry in score.result()}
