"""The upsampling U on the device: two products with fixed matrices, no gradient needed.

Within this package temperatures are "reduced", T - 250 K, from here on until a forecast leaves it.
"""

from __future__ import annotations

import mindspore as ms
import numpy as np
from mindspore import Tensor, ops

from mindcast.physics.resample import bicubic_matrix

SHIFT_K = 250.0  # taken off temperatures within the networks: float32 has seven digits


def upsample(x: Tensor, factor: int) -> Tensor:
    """(..., h, w) -> (..., factor h, factor w), bicubic with a = -0.75, clamped at the border."""
    *lead, h, w = x.shape
    wide = ops.matmul(x.reshape(-1, w), _columns(w, factor)).reshape(-1, h, factor * w)
    return ops.matmul(_rows(h, factor), wide).reshape(*lead, factor * h, factor * w)


@ms.constexpr
def _rows(size: int, factor: int) -> Tensor:
    return Tensor(bicubic_matrix(size, factor).astype(np.float32))


@ms.constexpr
def _columns(size: int, factor: int) -> Tensor:
    return Tensor(np.ascontiguousarray(bicubic_matrix(size, factor).T, np.float32))
