"""Mirror images of a field, as augmentation: the grid read backwards along x, along y or both.

Along y nothing but the order of the rows changes: h_y is signed, so winds and priors keep their
values. Along x it is the world in a mirror, in which the wind and the gradient along x change
their sign; h_x is a length and keeps it.
"""

from __future__ import annotations

import numpy as np

from mindcast.data.temperature.state import COLUMNS
from mindcast.physics.horizontal import H_Y
from mindcast.physics.priors import GRADIENT_X

U = 0  # channel of wind_lr


def mirrored(arrays: tuple[np.ndarray, ...], rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """The arrays of a sample of `data.base.Fields`, mirrored along x and y (p 1/2 each)."""
    along_x, along_y = rng.random(2) < 0.5
    return mirror(arrays, bool(along_x), bool(along_y))


def mirror(arrays: tuple[np.ndarray, ...], along_x: bool, along_y: bool) -> tuple[np.ndarray, ...]:
    """The mirror image that is asked for; arrays are (..., H, W, C)."""
    axes = [axis for axis, wanted in ((-2, along_x), (-3, along_y)) if wanted]
    turned = {
        name: np.flip(array, axes).copy() for name, array in zip(COLUMNS, arrays, strict=True)
    }
    if along_x:
        turned["wind_lr"][..., U] *= -1
        turned["priors_lr"][..., GRADIENT_X] *= -1
    if along_y:
        turned["metric"][..., H_Y] *= -1
    return tuple(turned.values())
