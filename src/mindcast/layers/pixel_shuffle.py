"""Channels into pixels: the upsampling of sub-pixel convolutions (Shi et al. 2016)."""

from __future__ import annotations

from mindspore import Tensor


def pixel_shuffle(x: Tensor, factor: int) -> Tensor:
    """(N, C f^2, H, W) -> (N, C, f H, f W); channel (c f + i) f + j becomes pixel (i, j) of c."""
    n, c, h, w = x.shape
    c = c // (factor * factor)
    pixels = x.reshape(n, c, factor, factor, h, w).transpose(0, 1, 4, 2, 5, 3)
    return pixels.reshape(n, c, factor * h, factor * w)
