"""Mirror images of a field, as augmentation: the grid read backwards along x, along y or both.

Along y nothing but the order of the rows changes: h_y is signed, so winds and priors keep their
values. Along x it is the world in a mirror, in which the wind and the gradient along x change
their sign; h_x is a length and keeps it. Crops are made of whole coarse cells, so these stay where
their points are.
"""

from __future__ import annotations

import numpy as np

from mindcast.physics.horizontal import H_Y
from mindcast.physics.priors import GRADIENT_X
from mindcast.samples import DownscaleSample

U = 0  # channel of wind_lr


def mirrored_fields(sample: DownscaleSample, rng: np.random.Generator) -> DownscaleSample:
    """The sample mirrored along x and along y (p 1/2 each)."""
    along_x, along_y = rng.random(2) < 0.5
    return mirror(sample, bool(along_x), bool(along_y))


def mirror(sample: DownscaleSample, along_x: bool, along_y: bool) -> DownscaleSample:
    """The mirror image that is asked for; arrays are (..., H, W, C)."""
    axes = [axis for axis, wanted in ((-2, along_x), (-3, along_y)) if wanted]
    image = sample.mapped(lambda array: np.flip(array, axes).copy())
    if along_x:
        image.input.wind_lr[..., U] *= -1
        image.input.priors_lr[..., GRADIENT_X] *= -1
    if along_y:
        image.input.metric[..., H_Y] *= -1
    return image
