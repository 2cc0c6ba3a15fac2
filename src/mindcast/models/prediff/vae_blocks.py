"""The parts of the frame autoencoder; all tensors (N, C, H, W).

Attribute names follow the reference's state dict, so that weights carry over by name. After
`taming` in the PreDiff repository (Apache-2.0), which follows diffusers' AutoencoderKL.
"""

from __future__ import annotations

from mindspore import Tensor, nn, ops

from mindcast.layers.convolution import Conv2d
from mindcast.layers.dense import Dense
from mindcast.layers.norm import GroupNorm
from mindcast.layers.permute import make_permute
from mindcast.layers.resample import nearest_resize
from mindcast.layers.softmax import Softmax

NORM_EPS = 1e-6


class ResnetBlock(nn.Cell):
    """Two rounds of norm, SiLU and 3x3 convolution, added to the (if need be, mixed) input."""

    def __init__(self, in_channels: int, out_channels: int, groups: int) -> None:
        super().__init__()
        self.norm1 = GroupNorm(groups, in_channels, NORM_EPS, silu=True)
        self.conv1 = Conv2d(in_channels, out_channels, 3, padding=1)
        self.norm2 = GroupNorm(groups, out_channels, NORM_EPS, silu=True)
        self.conv2 = Conv2d(out_channels, out_channels, 3, padding=1)
        self.changes_channels = in_channels != out_channels
        if self.changes_channels:
            self.conv_shortcut = Conv2d(in_channels, out_channels, 1)

    def construct(self, x: Tensor) -> Tensor:
        """(N, in_channels, H, W) -> (N, out_channels, H, W)."""
        hidden = self.conv2(self.norm2(self.conv1(self.norm1(x))))
        return (self.conv_shortcut(x) if self.changes_channels else x) + hidden


class AttentionBlock(nn.Cell):
    """Self-attention among all pixels, added to its input; one head if `head_channels` is None."""

    def __init__(self, channels: int, groups: int, head_channels: int | None = None) -> None:
        super().__init__()
        self.head_channels = head_channels or channels
        self.heads = channels // self.head_channels
        self.group_norm = GroupNorm(groups, channels, NORM_EPS)
        self.query = Dense(channels, channels)
        self.key = Dense(channels, channels)
        self.value = Dense(channels, channels)
        self.proj_attn = Dense(channels, channels)
        self.softmax = Softmax(self.head_channels**-0.5)
        self.scores = ops.BatchMatMul(transpose_b=True)
        self.gather = ops.BatchMatMul()
        self.to_tokens = make_permute(0, 2, 1)
        self.to_pixels = make_permute(0, 2, 1)
        self.by_head = make_permute(0, 2, 1, 3)
        self.by_token = make_permute(0, 2, 1, 3)

    def construct(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> the same shape."""
        n, c = x.shape[:2]
        tokens = self.to_tokens(self.group_norm(x).reshape(n, c, -1))
        query, key = self._split_heads(self.query(tokens)), self._split_heads(self.key(tokens))
        weights = self.softmax(self.scores(query, key))
        mixed = self.gather(weights, self._split_heads(self.value(tokens)))
        mixed = self.proj_attn(self.by_token(mixed).reshape(tokens.shape))
        return x + self.to_pixels(mixed).reshape(x.shape)

    def _split_heads(self, tokens: Tensor) -> Tensor:
        """(N, L, C) -> (N, heads, L, C / heads)."""
        n, length = tokens.shape[:2]
        return self.by_head(tokens.reshape(n, length, self.heads, self.head_channels))


class Downsample(nn.Cell):
    """Halves both sides: 3x3 convolution of stride 2 after one zero row below and column right."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = Conv2d(channels, channels, 3, stride=2, padding=(0, 1, 0, 1))

    def construct(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C, H // 2, W // 2)."""
        return self.conv(x)


class Upsample(nn.Cell):
    """Doubles both sides: nearest neighbour, then a 3x3 convolution."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = Conv2d(channels, channels, 3, padding=1)

    def construct(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C, 2 H, 2 W)."""
        return self.conv(nearest_resize(x, 2 * x.shape[2], 2 * x.shape[3]))


class MidBlock(nn.Cell):
    """ResNet block, attention, ResNet block at the coarsest level."""

    def __init__(self, channels: int, groups: int) -> None:
        super().__init__()
        self.resnets = nn.CellList([ResnetBlock(channels, channels, groups) for _ in range(2)])
        self.attentions = nn.CellList([AttentionBlock(channels, groups)])

    def construct(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> the same shape."""
        return self.resnets[1](self.attentions[0](self.resnets[0](x)))


class DownBlock(nn.Cell):
    """`layers` ResNet blocks, then half the resolution unless it is the `last` block."""

    def __init__(
        self, in_channels: int, out_channels: int, layers: int, groups: int, last: bool
    ) -> None:
        super().__init__()
        self.resnets = _resnets(in_channels, out_channels, layers, groups)
        self.downsamplers = nn.CellList([] if last else [Downsample(out_channels)])

    def construct(self, x: Tensor) -> Tensor:
        """(N, in_channels, H, W) -> (N, out_channels, H / 2, W / 2), H and W if last."""
        for resnet in self.resnets:
            x = resnet(x)
        for downsample in self.downsamplers:
            x = downsample(x)
        return x


class UpBlock(nn.Cell):
    """`layers` ResNet blocks, then twice the resolution unless it is the `last` block."""

    def __init__(
        self, in_channels: int, out_channels: int, layers: int, groups: int, last: bool
    ) -> None:
        super().__init__()
        self.resnets = _resnets(in_channels, out_channels, layers, groups)
        self.upsamplers = nn.CellList([] if last else [Upsample(out_channels)])

    def construct(self, x: Tensor) -> Tensor:
        """(N, in_channels, H, W) -> (N, out_channels, 2 H, 2 W), H and W if last."""
        for resnet in self.resnets:
            x = resnet(x)
        for upsample in self.upsamplers:
            x = upsample(x)
        return x


def _resnets(in_channels: int, out_channels: int, layers: int, groups: int) -> nn.CellList:
    """The first block changes the number of channels."""
    inputs = [in_channels] + [out_channels] * (layers - 1)
    return nn.CellList([ResnetBlock(channels, out_channels, groups) for channels in inputs])
