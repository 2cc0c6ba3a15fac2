"""Frames with copies of their border around them."""

from __future__ import annotations

import mindspore as ms
import numpy as np
from mindspore import Tensor, ops

from mindcast.layers.device import exact_product


def with_edges(x: Tensor, width: int) -> Tensor:
    """(F, C, H, W) -> (F, C, H + 2 width, W + 2 width), exact and differentiable in `x`.

    On CPU the columns are copied by a product with a constant 0/1 matrix, whose gradient is again a
    product: forward and backward together take about half as long as by indexing.
    """
    if width == 0:
        return x
    x = ops.cat((x[:, :, :1],) * width + (x,) + (x[:, :, -1:],) * width, 2)
    if not exact_product():
        return ops.cat((x[..., :1],) * width + (x,) + (x[..., -1:],) * width, 3)
    f, c, h, w = x.shape
    return ops.matmul(x.reshape(f * c * h, w), _copies(w, width)).reshape(f, c, h, w + 2 * width)


@ms.constexpr
def _copies(size: int, width: int) -> Tensor:
    """(size, size + 2 width): column j picks the source of the padded row's entry j."""
    source = np.clip(np.arange(-width, size + width), 0, size - 1)
    return Tensor((np.arange(size)[:, None] == source).astype(np.float32))
