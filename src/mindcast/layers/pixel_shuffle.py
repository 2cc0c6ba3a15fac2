"""Channels into pixels: the upsampling of sub-pixel convolutions (Shi et al. 2016)."""

from __future__ import annotations

from mindspore import Tensor, nn

from mindcast.layers.permute import make_permute


class PixelShuffle(nn.Cell):
    """(N, C f^2, H, W) -> (N, C, f H, f W); channel (c f + i) f + j becomes pixel (i, j) of c."""

    def __init__(self, factor: int) -> None:
        super().__init__()
        self.factor = factor
        self.permute = make_permute(0, 1, 4, 2, 5, 3)

    def construct(self, x: Tensor) -> Tensor:
        n, channels, h, w = x.shape
        f = self.factor
        c = channels // (f * f)
        return self.permute(x.reshape(n, c, f, f, h, w)).reshape(n, c, f * h, f * w)
