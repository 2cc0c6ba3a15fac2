"""SimVP: all context frames at once through one convolutional translator (Gao et al. 2022).

The variant that DiffCast ships. Attribute names follow its state dict.
"""

from __future__ import annotations

from mindspore import Tensor, nn, ops

from mindcast.layers.activation import leaky_relu
from mindcast.layers.convolution import Conv2d
from mindcast.layers.initialise import clear_bias
from mindcast.layers.norm import GroupNorm, JoinedGroupNorm
from mindcast.layers.pixel_shuffle import PixelShuffle
from mindcast.models.diffcast.backbones.base import Backbone
from mindcast.models.diffcast.backbones.settings import SimVPSettings

FRAME_GROUPS = 2
SLOPE = 0.2


class SimVP(Backbone):
    """Maps T_in frames to the T_in after them, and goes on from its own output to T_out frames."""

    def __init__(
        self,
        settings: SimVPSettings,
        context_frames: int,
        target_frames: int,
        frame: tuple[int, int],
        channels: int = 1,
    ) -> None:
        super().__init__()
        self.passes = target_frames // context_frames
        self.enc = FrameEncoder(settings, channels)
        self.hid = Translator(settings, context_frames * settings.spatial_channels)
        self.dec = FrameDecoder(settings, channels)

    def construct(self, context: Tensor) -> Tensor:
        """(N, T_in, C, H, W) -> (N, T_out, C, H, W)."""
        block, blocks = context, []
        for _ in range(self.passes):
            block = self.forecast_once(block)
            blocks.append(block)
        return ops.cat(blocks, 1)

    def forecast_once(self, frames: Tensor) -> Tensor:
        """The T_in frames that follow T_in frames (N, T_in, C, H, W)."""
        n, t, c, h, w = frames.shape
        latent, skip = self.enc(frames.reshape(n * t, c, h, w))
        stacked = latent.reshape(n, -1, *latent.shape[2:])
        translated = self.hid(stacked).reshape(latent.shape)
        return self.dec(translated, skip).reshape(frames.shape)


class FrameEncoder(nn.Cell):
    """Every second layer halves the frame."""

    def __init__(self, settings: SimVPSettings, channels: int) -> None:
        super().__init__()
        width = settings.spatial_channels
        inputs = [channels] + [width] * (settings.spatial_layers - 1)
        self.enc = nn.CellList(
            [
                ConvUnit(inputs[i], width, settings.encoder_kernel, 2 if i % 2 else 1)
                for i in range(settings.spatial_layers)
            ]
        )
        self.layers = settings.spatial_layers

    def construct(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(N, C, H, W) -> the latent frame, and the first layer's output for the decoder."""
        first = x = self.enc[0](x)
        for i in range(1, self.layers):
            x = self.enc[i](x)
        return x, first


class FrameDecoder(nn.Cell):
    """The encoder's layers backwards, doubling where it halves."""

    def __init__(self, settings: SimVPSettings, channels: int) -> None:
        super().__init__()
        width, layers = settings.spatial_channels, settings.spatial_layers
        self.dec = nn.CellList(
            [
                (UpConvUnit if i % 2 else ConvUnit)(width, width, settings.decoder_kernel)
                for i in reversed(range(layers))
            ]
        )
        self.readout = Conv2d(width, channels, 1)
        self.layers = layers

    def construct(self, x: Tensor, skip: Tensor) -> Tensor:
        """The latent frame and the encoder's first output -> (N, C, H, W), no activation."""
        for i in range(self.layers - 1):
            x = self.dec[i](x)
        return self.readout(self.dec[self.layers - 1](x + skip))


class _NormedConv(nn.Cell):
    """Holds a convolution `conv` and its group norm `norm`, which ends with SiLU."""

    def __init__(self, conv: nn.Cell, out_channels: int) -> None:
        super().__init__()
        self.conv = conv
        self.norm = GroupNorm(FRAME_GROUPS, out_channels, silu=True)


class ConvUnit(nn.Cell):
    """Convolution of that stride, group norm and SiLU."""

    def __init__(self, in_channels: int, out_channels: int, kernel: int, stride: int = 1) -> None:
        super().__init__()
        padding = (kernel - stride + 1) // 2
        conv = clear_bias(Conv2d(in_channels, out_channels, kernel, stride, padding))
        self.conv = _NormedConv(conv, out_channels)

    def construct(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C', H / stride, W / stride)."""
        return self.conv.norm(self.conv.conv(x))


class UpConvUnit(nn.Cell):
    """Convolution to four times the channels, which become 2 x 2 pixels; group norm and SiLU."""

    def __init__(self, in_channels: int, out_channels: int, kernel: int) -> None:
        super().__init__()
        conv = clear_bias(Conv2d(in_channels, 4 * out_channels, kernel, padding=kernel // 2))
        self.conv = _NormedConv(nn.CellList([conv]), out_channels)
        self.shuffle = PixelShuffle(2)

    def construct(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C', 2 H, 2 W)."""
        return self.conv.norm(self.shuffle(self.conv.conv[0](x)))


class Translator(nn.Cell):
    """Inception blocks going in and coming out, with skips between them as in a U-Net.

    channels: of the stacked frames, T_in times those of a latent frame.
    """

    def __init__(self, settings: SimVPSettings, channels: int) -> None:
        super().__init__()
        width, layers = settings.temporal_channels, settings.temporal_layers
        self.enc = nn.CellList(
            [InceptionBlock(settings, width if i else channels, width) for i in range(layers)]
        )
        self.dec = nn.CellList(
            [
                InceptionBlock(
                    settings, 2 * width if i else width, width if i < layers - 1 else channels
                )
                for i in range(layers)
            ]
        )
        self.layers = layers

    def construct(self, x: Tensor) -> Tensor:
        """(N, channels, H, W) -> the same shape."""
        skips = []
        for i in range(self.layers):
            x = self.enc[i](x)
            skips.append(x)
        x = self.dec[0](x)
        for i in range(1, self.layers):
            x = self.dec[i](ops.cat((x, skips[self.layers - 1 - i]), 1))
        return x


class Branch(nn.Cell):
    """Holds the grouped convolution `conv` and the group norm `norm` of one kernel size."""

    def __init__(self, in_channels: int, out_channels: int, kernel: int, groups: int) -> None:
        super().__init__()
        self.conv = Conv2d(in_channels, out_channels, kernel, padding=kernel // 2, groups=groups)
        self.norm = GroupNorm(groups, out_channels)


class InceptionBlock(nn.Cell):
    """A 1x1 convolution, then the sum of branches with kernels of several sizes.

    The norms of all branches are one group norm over their joined channels: the groups are the
    same, and the graph has a quarter of the operators.
    """

    def __init__(self, settings: SimVPSettings, in_channels: int, out_channels: int) -> None:
        super().__init__()
        hidden, groups = settings.temporal_channels // 2, settings.branch_groups
        self.conv1 = Conv2d(in_channels, hidden, 1)
        self.layers = nn.CellList(
            [Branch(hidden, out_channels, kernel, groups) for kernel in settings.branch_kernels]
        )
        self.joined = JoinedGroupNorm(groups * len(settings.branch_kernels))
        self.branches = len(settings.branch_kernels)

    def construct(self, x: Tensor) -> Tensor:
        """(N, in_channels, H, W) -> (N, out_channels, H, W)."""
        x = self.conv1(x)
        mixed = ops.cat([branch.conv(x) for branch in self.layers], 1)
        weight = ops.cat([branch.norm.weight for branch in self.layers])
        bias = ops.cat([branch.norm.bias for branch in self.layers])
        active = leaky_relu(self.joined(mixed, weight, bias), SLOPE)
        parts = ops.split(active, active.shape[1] // self.branches, 1)
        total = parts[0]
        for part in parts[1:]:
            total = total + part
        return total
