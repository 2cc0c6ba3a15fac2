"""The patch discriminator of the autoencoder's training (Isola et al. 2017, section 3.2.2)."""

from __future__ import annotations

from mindspore import Tensor, nn

from mindcast.layers import initialise
from mindcast.layers.activation import LeakyRelu
from mindcast.layers.convolution import Conv2d
from mindcast.layers.device import differentiable_twice
from mindcast.layers.norm import BatchNorm

SLOPE = 0.2
WEIGHT_STD = 0.02


class PatchDiscriminator(nn.Cell):
    """4x4 convolutions whose output is, for every patch of a frame, how real it looks.

    `layers` convolutions of stride 2, then two of stride 1; the width doubles from `channels` up
    to eightfold. All but the first and the last convolution go without bias into a batch norm.
    """

    def __init__(self, in_channels: int, channels: int, layers: int) -> None:
        super().__init__()
        widths = [channels * min(2**n, 8) for n in range(layers + 1)]
        cells = [_convolution(in_channels, widths[0], stride=2), LeakyRelu(SLOPE)]
        for n in range(1, layers + 1):
            stride = 1 if n == layers else 2
            cells.append(_convolution(widths[n - 1], widths[n], stride, bias=False))
            cells += [_batch_norm(widths[n]), LeakyRelu(SLOPE)]
        self.main = nn.SequentialCell(*cells, _convolution(widths[-1], 1, stride=1))

    def construct(self, frames: Tensor) -> Tensor:
        """Frames (N, C, H, W) -> logits (N, 1, H', W'); H' = H / 2^layers - 2 if that is whole."""
        return self.main(frames)


def _convolution(in_channels: int, out_channels: int, stride: int, bias: bool = True) -> Conv2d:
    """Weights start from N(0, 0.02), biases as in any convolution."""
    with differentiable_twice():  # for the balance of the generator's loss
        cell = Conv2d(in_channels, out_channels, 4, stride, padding=1, bias=bias)
    cell.weight.set_data(initialise.normal(cell.weight.shape, WEIGHT_STD))
    return cell


def _batch_norm(channels: int) -> BatchNorm:
    """Weights start from N(1, 0.02), biases from 0."""
    cell = BatchNorm(channels)
    cell.weight.set_data(initialise.normal((channels,), WEIGHT_STD) + 1.0)
    return cell
