"""The upsampling U on the device: two products with fixed matrices, no gradient needed.

Within this package temperatures are "reduced", T - 250 K, from here on until a forecast leaves it.
"""

from __future__ import annotations

import mindspore as ms
import numpy as np
from mindspore import Tensor, ops

from mindcast.physics.resample import bicubic_matrix

SHIFT_K = 250.0  # taken off temperatures within the networks: float32 has seven digits


def upsample(x: Tensor, factor: int, height: int, width: int) -> Tensor:
    """(..., h, w) -> (..., height, width), bicubic with a = -0.75, clamped at the border.

    h = ceil(height / factor); see `physics.resample` for sizes that are no multiple of it.
    """
    *lead, h, w = x.shape
    wide = ops.matmul(x.reshape(-1, w), _columns(w, factor, width)).reshape(-1, h, width)
    return ops.matmul(_rows(h, factor, height), wide).reshape(*lead, height, width)


@ms.constexpr
def _rows(size: int, factor: int, length: int) -> Tensor:
    return Tensor(bicubic_matrix(size, factor, length).astype(np.float32))


@ms.constexpr
def _columns(size: int, factor: int, length: int) -> Tensor:
    return Tensor(np.ascontiguousarray(bicubic_matrix(size, factor, length).T, np.float32))
