"""Convolutions and residual blocks of the 3-D U-Net, on levels folded into the batch.

Every kernel of the network spans one level, so a volume (N, Z, C, H, W) is convolved as F = N Z
frames (F, C, H, W). Parameters keep the reference's shapes, with an axis of 1 for the level.
"""

from __future__ import annotations

import mindspore as ms
import numpy as np
from mindspore import Parameter, Tensor, nn, ops

from mindcast.layers import initialise
from mindcast.layers.channel_norm import UnitRMS
from mindcast.layers.dense import Dense
from mindcast.layers.edge_padding import with_edges
from mindcast.layers.fused_convolution import fused_convolution
from mindcast.layers.resample import nearest_resize


class FrameConv(nn.Cell):
    """A convolution of every frame; `weight` (out, in, 1, k, k), `bias` (out,).

    padding: cells added on every side, zeros or (mode "replicate") copies of the border.
    planar: `weight` without the level's axis.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: int,
        stride: int = 1,
        padding: int = 0,
        mode: str = "zeros",
        bias: bool = True,
        planar: bool = False,
    ) -> None:
        super().__init__()
        fan_in = in_channels * kernel * kernel
        self.shape = (out_channels, in_channels, kernel, kernel)
        stored = self.shape if planar else (out_channels, in_channels, 1, kernel, kernel)
        self.weight = Parameter(initialise.uniform_fan_in(stored, fan_in))
        self.bias = Parameter(initialise.uniform_fan_in((out_channels,), fan_in)) if bias else None
        self.edge = padding if mode == "replicate" else 0
        pad = (0 if self.edge else padding,) * 4
        self.fused = fused_convolution((0, *pad[:2])) if stride == 1 else None
        self.convolve = ops.Conv2D(
            out_channels, (kernel, kernel), pad_mode="pad", pad=pad, stride=stride
        )
        self.bias_add = ops.BiasAdd()

    def construct(self, x: Tensor) -> Tensor:
        """(F, in, H, W) -> (F, out, H', W')."""
        x = with_edges(x, self.edge)
        if self.fused is not None and x.dtype == ms.float32:
            return self.fused(x, self.weight, self.bias)
        y = self.convolve(x, self.weight.reshape(self.shape))
        return y if self.bias is None else self.bias_add(y, self.bias)


class Downsample(FrameConv):
    """Halves H and W; the number of levels stays."""

    def __init__(self, channels: int, mode: str = "zeros") -> None:
        super().__init__(channels, channels, 4, stride=2, padding=1, mode=mode)


class TransposedUpsample(nn.Cell):
    """Doubles H and W by a transposed convolution; `weight` (in, out, 1, 4, 4)."""

    def __init__(self, channels: int, mode: str = "zeros") -> None:
        super().__init__()
        fan_in = channels * 16
        self.weight = Parameter(initialise.uniform_fan_in((channels, channels, 1, 4, 4), fan_in))
        self.bias = Parameter(initialise.uniform_fan_in((channels,), fan_in))
        self.channels = channels
        self.edge = 1 if mode == "replicate" else 0
        self.convolve = ops.Conv2DTranspose(
            channels, (4, 4), pad_mode="pad", pad=(1, 1, 1, 1), stride=2
        )
        self.bias_add = ops.BiasAdd()

    def construct(self, x: Tensor) -> Tensor:
        """(F, C, H, W) -> (F, C, 2 H, 2 W)."""
        x = with_edges(x, self.edge)
        f, c, h, w = x.shape
        weight = self.weight.reshape(c, c, 4, 4)
        y = self.bias_add(self.convolve(x, weight, (f, c, 2 * h, 2 * w)), self.bias)
        if self.edge:  # what grew from the copied border
            y = y[:, :, 2:-2, 2:-2]
        return y


class NearestUpsample(FrameConv):
    """Doubles H and W by copying, then convolves (1, 3, 3): no checkerboard in smooth fields."""

    def __init__(self, channels: int, mode: str = "zeros") -> None:
        super().__init__(channels, channels, 3, padding=1, mode=mode)

    def construct(self, x: Tensor) -> Tensor:
        """(F, C, H, W) -> (F, C, 2 H, 2 W)."""
        return super().construct(nearest_resize(x, 2 * x.shape[2], 2 * x.shape[3]))


UPSAMPLES = {"transposed": TransposedUpsample, "nearest_conv": NearestUpsample}


class RMSNorm(nn.Cell):
    """RMS norm over the channels with the gain `gamma`; SiLU after it if `silu`."""

    def __init__(self, channels: int, silu: bool = False) -> None:
        super().__init__()
        self.gamma = Parameter(Tensor(np.ones((channels, 1, 1, 1), np.float32)))
        self.unit = UnitRMS(channels, silu)

    def construct(
        self, x: Tensor, factor: Tensor | None = None, shift: Tensor | None = None
    ) -> Tensor:
        """(F, channels, H, W) -> norm * factor + shift, both (F, channels) where given."""
        return self.unit(x, self.gamma, factor, shift)


class Block(nn.Cell):
    """SiLU(RMS norm(convolution(x)) * (1 + scale) + shift)."""

    def __init__(self, in_channels: int, out_channels: int, mode: str) -> None:
        super().__init__()
        self.proj = FrameConv(in_channels, out_channels, 3, padding=1, mode=mode)
        self.norm = RMSNorm(out_channels, silu=True)

    def construct(
        self, x: Tensor, factor: Tensor | None = None, shift: Tensor | None = None
    ) -> Tensor:
        """(F, in, H, W) -> (F, out, H, W); factor = 1 + scale and shift are (F, out)."""
        return self.norm(self.proj(x), factor, shift)


class ResnetBlock(nn.Cell):
    """skip(x) + two blocks; the step vector, if the block takes one, acts in the first of them."""

    def __init__(
        self, in_channels: int, out_channels: int, step_width: int | None, mode: str
    ) -> None:
        super().__init__()
        self.mlp = None
        if step_width is not None:
            self.mlp = nn.SequentialCell(nn.SiLU(), Dense(step_width, 2 * out_channels))
        self.block1 = Block(in_channels, out_channels, mode)
        self.block2 = Block(out_channels, out_channels, mode)
        self.res_conv = None
        if in_channels != out_channels:
            self.res_conv = FrameConv(in_channels, out_channels, 1)
        self.out_channels = out_channels

    def construct(self, x: Tensor, step: Tensor | None = None) -> Tensor:
        """x (F, in, H, W), step (N, step_width), F a multiple of N -> (F, out, H, W)."""
        if self.mlp is None:
            y = self.block1(x)
        else:
            message = per_frame(self.mlp(step), x.shape[0])
            scale, shift = ops.split(message, self.out_channels, 1)
            y = self.block1(x, 1 + scale, shift)
        skip = x if self.res_conv is None else self.res_conv(x)
        return self.block2(y) + skip


def per_frame(x: Tensor, frames: int) -> Tensor:
    """(N, C) -> (frames, C): every sample's row once for each of its levels."""
    n, c = x.shape
    levels = frames // n
    return (x.reshape(n, 1, c) * ops.ones((1, levels, 1), x.dtype)).reshape(frames, c)
