"""Convolutions with explicit zero padding, parameters `weight` and `bias` in PyTorch's shapes.

Weights and biases start uniform in +-1/sqrt(fan_in), PyTorch's default.
"""

from __future__ import annotations

import math
from operator import gt

import mindspore as ms
from mindspore import Tensor, nn

from mindcast.layers import initialise
from mindcast.layers.fused_convolution import FusedConvolution, fused_convolution


class Conv2d(nn.Conv2d):
    """(N, in_channels, H, W) -> (N, out_channels, H', W').

    padding: zeros on every side: one number, one an axis, or two an axis (before, after).
    groups: blocks of consecutive channels, each convolved with its own filters alone. dilation:
    pixels from one tap to the next.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: int | tuple[int, int],
        stride: int | tuple[int, int] = 1,
        padding: int | tuple[int, ...] = 0,
        bias: bool = True,
        groups: int = 1,
        dilation: int = 1,
    ) -> None:
        kernel = _per_axis(kernel, 2)
        padding = _both_sides(padding, 2)
        super().__init__(
            in_channels,
            out_channels,
            kernel,
            stride,
            "pad",
            padding,
            dilation=dilation,
            group=groups,
            has_bias=bias,
            weight_init="zeros",
            bias_init="zeros",
        )
        initialise.start_uniform(self, in_channels // groups * math.prod(kernel))
        dilations = (dilation, dilation)
        self.fused = _fused(kernel, self.stride, padding, dilations, groups)

    def construct(self, x: Tensor) -> Tensor:
        """float32 by the kernel where there is one, else by the public operator."""
        if self.fused is None or x.dtype != ms.float32:
            return super().construct(x)
        return self.fused(x, self.weight, self.bias if self.has_bias else None)


class Conv3d(nn.Conv3d):
    """(N, in_channels, T, H, W) -> (N, out_channels, T', H', W'), as `Conv2d`."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: int | tuple[int, int, int],
        stride: int | tuple[int, int, int] = 1,
        padding: int | tuple[int, ...] = 0,
        bias: bool = True,
    ) -> None:
        kernel = _per_axis(kernel, 3)
        padding = _both_sides(padding, 3)
        super().__init__(
            in_channels,
            out_channels,
            kernel,
            stride,
            "pad",
            padding,
            has_bias=bias,
            weight_init="zeros",
            bias_init="zeros",
        )
        initialise.start_uniform(self, in_channels * math.prod(kernel))
        self.fused = _fused(kernel, self.stride, padding, (1, 1, 1), 1)

    def construct(self, x: Tensor) -> Tensor:
        """float32 by the kernel where there is one, else by the public operator."""
        if self.fused is None or x.dtype != ms.float32:
            return super().construct(x)
        return self.fused(x, self.weight, self.bias if self.has_bias else None)


def _fused(
    kernel: tuple[int, ...],
    strides: tuple[int, ...],
    padding: int | tuple[int, ...],
    dilations: tuple[int, ...],
    groups: int,
) -> FusedConvolution | None:
    """The kernel for a convolution of stride 1 with as many zeros before as after each axis.

    Not for more zeros than the taps reach over: the kernel's gradient could not cut them off again.
    """
    axes = len(dilations)
    sides = (padding,) * 2 * axes if isinstance(padding, int) else padding
    before, after = sides[::2], sides[1::2]
    reach = [step * (taps - 1) for step, taps in zip(dilations, kernel, strict=True)]
    if set(strides) != {1} or before != after or any(map(gt, before, reach)):
        return None
    in_front = (0,) * (3 - axes)
    return fused_convolution((*in_front, *before), (*(1 for _ in in_front), *dilations), groups)


def _per_axis(kernel: int | tuple[int, ...], axes: int) -> tuple[int, ...]:
    return (kernel,) * axes if isinstance(kernel, int) else tuple(kernel)


def _both_sides(padding: int | tuple[int, ...], axes: int) -> int | tuple[int, ...]:
    """One number an axis becomes MindSpore's two, before and after."""
    if isinstance(padding, int) or len(padding) == 2 * axes:
        return padding
    return tuple(pad for pad in padding for _ in range(2))
