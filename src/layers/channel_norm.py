"""Root-mean-square normalisation of the channels at every position."""

from __future__ import annotations

import math

import numpy as np
from mindspore import Parameter, Tensor, nn, ops

SMALLEST_LENGTH = 1e-12


class ChannelRMSNorm(nn.Cell):
    """x / max(|x|, 1e-12) * g * sqrt(channels), |x| the length of a position's channel vector.

    Zhang and Sennrich 2019 without the epsilon; the parameter `g` (1, channels, 1, 1) starts at 1.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.g = Parameter(Tensor(np.ones((1, channels, 1, 1), np.float32)))
        self.root = math.sqrt(channels)
        self.sum = ops.ReduceSum(keep_dims=True)

    def construct(self, x: Tensor) -> Tensor:
        """(N, channels, H, W) -> the same shape."""
        # limited before the root: its gradient at an all-zero position is infinite
        square = ops.maximum(self.sum(x * x, 1), SMALLEST_LENGTH**2)
        return x * (self.root * ops.rsqrt(square)) * self.g
