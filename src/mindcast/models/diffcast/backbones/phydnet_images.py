"""How PhyDNet's cells see and draw frames. Attribute names follow the released state dict."""

from __future__ import annotations

from mindspore import Tensor, nn, ops

from mindcast.layers.activation import leaky_relu
from mindcast.layers.convolution import Conv2d
from mindcast.layers.norm import GroupNorm
from mindcast.layers.transposed_convolution import Conv2dTranspose

SLOPE = 0.2


class Unit(nn.Cell):
    """A 3x3 convolution, plain or transposed, then group norm and leaky ReLU."""

    def __init__(self, conv: nn.Cell, out_channels: int, groups: int) -> None:
        super().__init__()
        self.main = nn.CellList([conv, GroupNorm(groups, out_channels)])

    def construct(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C', H', W')."""
        return leaky_relu(self.main[1](self.main[0](x)), SLOPE)


def down(in_channels: int, out_channels: int, stride: int, groups: int) -> Unit:
    """A unit that divides the frame by `stride`."""
    return Unit(Conv2d(in_channels, out_channels, 3, stride, 1), out_channels, groups)


def up(in_channels: int, out_channels: int, stride: int, groups: int) -> Unit:
    """A unit that multiplies the frame by `stride`."""
    return Unit(_transposed(in_channels, out_channels, stride), out_channels, groups)


def _transposed(in_channels: int, out_channels: int, stride: int) -> Conv2dTranspose:
    return Conv2dTranspose(in_channels, out_channels, 3, stride, 1, extra=stride - 1)


class FrameEncoder(nn.Cell):
    """A quarter of the frame, twice `width` channels."""

    def __init__(self, channels: int, width: int, groups: int) -> None:
        super().__init__()
        self.c1 = down(channels, width, 2, groups)
        self.c2 = down(width, width, 1, groups)
        self.c3 = down(width, 2 * width, 2, groups)

    def construct(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, 2 width, H / 4, W / 4)."""
        return self.c3(self.c2(self.c1(x)))


class FrameDecoder(nn.Cell):
    """The way back; the last layer has neither norm nor activation."""

    def __init__(self, channels: int, width: int, groups: int) -> None:
        super().__init__()
        self.upc1 = up(2 * width, width, 2, groups)
        self.upc2 = up(width, width, 1, groups)
        self.upc3 = _transposed(width, channels, 2)

    def construct(self, x: Tensor) -> Tensor:
        """(N, 2 width, H / 4, W / 4) -> (N, C, H, W)."""
        return self.upc3(self.upc2(self.upc1(x)))


class BranchEncoder(nn.Cell):
    """What one of the two cells gets to see of an encoded frame."""

    def __init__(self, channels: int, groups: int) -> None:
        super().__init__()
        self.c1 = down(channels, channels, 1, groups)
        self.c2 = down(channels, channels, 1, groups)

    def construct(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> the same shape."""
        return self.c2(self.c1(x))


class BranchDecoder(nn.Cell):
    """What one of the two cells adds to the frame to be drawn."""

    def __init__(self, channels: int, groups: int) -> None:
        super().__init__()
        self.upc1 = up(channels, channels, 1, groups)
        self.upc2 = up(channels, channels, 1, groups)

    def construct(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> the same shape."""
        return self.upc2(self.upc1(x))


class FrameCoder(nn.Cell):
    """Frames to the inputs of the physical and the residual cell, and their states to frames."""

    def __init__(self, channels: int, width: int, groups: int) -> None:
        super().__init__()
        self.encoder_E = FrameEncoder(channels, width, groups)
        self.encoder_Ep = BranchEncoder(2 * width, groups)
        self.encoder_Er = BranchEncoder(2 * width, groups)
        self.decoder_Dp = BranchDecoder(2 * width, groups)
        self.decoder_Dr = BranchDecoder(2 * width, groups)
        self.decoder_D = FrameDecoder(channels, width, groups)

    def encode(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        """(N, C, H, W) -> the physical and the residual features, (N, 2 width, H / 4, W / 4)."""
        features = self.encoder_E(frames)
        return self.encoder_Ep(features), self.encoder_Er(features)

    def decode(self, physical: Tensor, residual: Tensor) -> Tensor:
        """The states of both cells, in the features' shape -> (N, C, H, W) in (0, 1).

        Differs: the reference also draws each state alone, and throws both pictures away.
        """
        return ops.sigmoid(self.decoder_D(self.decoder_Dp(physical) + self.decoder_Dr(residual)))
