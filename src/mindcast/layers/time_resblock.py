"""The residual convolution block that lets the diffusion step in."""

from __future__ import annotations

from mindspore import Tensor, nn, ops

from mindcast.layers import initialise
from mindcast.layers.broadcast import add
from mindcast.layers.convolution import Conv2d, Conv3d
from mindcast.layers.dense import Dense
from mindcast.layers.dropout import make_dropout
from mindcast.layers.norm import GroupNorm
from mindcast.layers.resample import nearest_resize

GROUPS = 32


def norm_for(channels: int, groups: int) -> GroupNorm:
    """`groups` groups where they divide the channels, else one group a channel; then SiLU."""
    return GroupNorm(channels if channels % groups else groups, channels, silu=True)


class TimeResBlock(nn.Cell):
    """skip(x) + conv(act(norm(conv(act(norm(x))) + embedding))), starting as its skip.

    embedding_channels None: no embedding. scale_shift: the embedding gives a factor 1 + scale and
    a shift after the second norm. dimensions: 2 or 3, of the convolutions. wide_skip: a skip that
    changes the channels is 3 wide instead of 1. resample: "up" doubles and "down" halves H and W.

    groups: of both norms; one a channel where it does not divide the channels. The added embedding
    acts only if the second norm has several channels a group, that is (at 32) for 64 channels and
    further multiples of 32; otherwise the norm takes it away again.
    """

    def __init__(
        self,
        channels: int,
        out_channels: int,
        embedding_channels: int | None = None,
        dropout: float = 0.0,
        scale_shift: bool = False,
        dimensions: int = 3,
        wide_skip: bool = False,
        resample: str | None = None,
        groups: int = GROUPS,
    ) -> None:
        super().__init__()
        conv = Conv3d if dimensions == 3 else Conv2d
        first = conv(channels, out_channels, 3, padding=1)
        last = initialise.start_zero(conv(out_channels, out_channels, 3, padding=1))
        norm, second_norm = norm_for(channels, groups), norm_for(out_channels, groups)
        self.in_layers = nn.CellList([norm, nn.Identity(), first])  # numbered as in the reference
        self.out_layers = nn.CellList([second_norm, nn.Identity(), make_dropout(dropout), last])
        self.emb_layers = None
        if embedding_channels is not None:
            width = 2 * out_channels if scale_shift else out_channels
            dense = initialise.start_normal(Dense(embedding_channels, width))
            self.emb_layers = nn.SequentialCell(nn.SiLU(), dense)
        self.skip_connection = nn.Identity()
        if channels != out_channels:
            reach = 1 if wide_skip else 0
            self.skip_connection = conv(channels, out_channels, 2 * reach + 1, padding=reach)
        self.scale_shift = scale_shift
        self.resample = RESAMPLINGS[resample]()
        self.ones = (1,) * dimensions

    def construct(self, x: Tensor, embedding: Tensor | None = None) -> Tensor:
        """(N, C, T, H, W), or (N, C, H, W), and (N, E) -> (N, C', ...)."""
        h = self.resample(self.in_layers[0](x))
        h = self._embedded(self.in_layers[2](h), embedding)
        h = self.out_layers[3](self.out_layers[2](h))
        return self.skip_connection(self.resample(x)) + h

    def _embedded(self, h: Tensor, embedding: Tensor | None) -> Tensor:
        """The second norm and activation, with the embedding before the norm or between them."""
        norm = self.out_layers[0]
        if self.emb_layers is None:
            return norm(h)
        message = self.emb_layers(embedding)
        if not self.scale_shift:
            return norm(add(h, message.reshape(*message.shape, *self.ones)))
        scale, shift = ops.split(message, h.shape[1], 1)
        return norm(h, 1 + scale, shift)


class DoubleFrame(nn.Cell):
    """Nearest doubling of the last two axes."""

    def construct(self, x: Tensor) -> Tensor:
        """(N, ..., H, W) -> (N, ..., 2 H, 2 W)."""
        height, width = x.shape[-2:]
        planes = nearest_resize(x.reshape(x.shape[0], -1, height, width), 2 * height, 2 * width)
        return planes.reshape(*x.shape[:-2], 2 * height, 2 * width)


class HalveFrame(nn.Cell):
    """Mean over 2 x 2 cells of the last two axes; an odd last row or column is left out."""

    def __init__(self) -> None:
        super().__init__()
        self.pool = nn.AvgPool2d(kernel_size=2, stride=2)

    def construct(self, x: Tensor) -> Tensor:
        """(N, ..., H, W) -> (N, ..., H // 2, W // 2)."""
        height, width = x.shape[-2:]
        planes = self.pool(x.reshape(x.shape[0], -1, height, width))
        return planes.reshape(*x.shape[:-2], height // 2, width // 2)


RESAMPLINGS = {None: nn.Identity, "up": DoubleFrame, "down": HalveFrame}
