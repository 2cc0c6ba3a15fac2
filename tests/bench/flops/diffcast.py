"""DiffCast's denoiser of a segment."""

from __future__ import annotations

import itertools
import math

from mindcast.models.diffcast.settings import DiffCastSettings
from tests.bench.flops.count import Count

EMBEDDING_MULTIPLE = 4
NEAR, FAR = 25, 49  # taps of the depthwise convolutions of large-kernel attention
HEADS, HEAD_CHANNELS = 4, 32


def denoiser(model: DiffCastSettings, batch: int) -> Count:
    """With the features of a context network."""
    count, dim = Count(), model.denoiser.dim
    widths = [dim, *(dim * multiple for multiple in model.denoiser.multiples)]
    pairs = list(itertools.pairwise(widths))
    images = model.context_frames * model.channels
    cells = batch * math.prod(model.network_frame)
    for _ in range(2):
        number_embedding(count, batch, dim)
    count.convolution(cells, 2 * images, dim, 49)
    embedding = 2 * EMBEDDING_MULTIPLE * dim
    for i, (width, wider) in enumerate(pairs):
        _resblock(count, batch, cells, 2 * width, width, embedding)
        _resblock(count, batch, cells, width, width, embedding)
        _large_kernel(count, batch, cells, width)
        if i < len(pairs) - 1:
            cells //= 4
            count.product(cells, 4 * width, wider)
        else:
            count.convolution(cells, width, wider, 9)
    top = widths[-1]
    _resblock(count, batch, cells, top, top, embedding)
    _pixel_attention(count, batch, cells, top)
    _resblock(count, batch, cells, top, top, embedding)
    for i, (width, wider) in enumerate(reversed(pairs)):
        for _ in range(2):
            _resblock(count, batch, cells, wider + width, wider, embedding)
        _large_kernel(count, batch, cells, wider)
        coarse, cells = cells, cells * (4 if i < len(pairs) - 1 else 1)
        count.convolution(cells, wider, width, 9, read=coarse)
    _resblock(count, batch, cells, 2 * dim, dim, embedding)
    count.product(cells, dim, images)
    return count


def number_embedding(count: Count, batch: int, dim: int) -> None:
    """Of a whole number, through two linear layers."""
    wide = EMBEDDING_MULTIPLE * dim
    count.product(batch, dim, wide)
    count.product(batch, wide, wide)


def _resblock(
    count: Count, batch: int, cells: int, channels: int, out: int, embedding: int
) -> None:
    count.product(batch, embedding, 2 * out)
    count.convolution(cells, channels, out, 9)
    count.pointwise(cells * out)
    count.convolution(cells, out, out, 9)
    count.pointwise(cells * out)
    if channels != out:
        count.product(cells, channels, out)
    count.pointwise(cells * out, reads=2)


def _large_kernel(count: Count, batch: int, cells: int, width: int) -> None:
    hidden = width // max(width // 16, 4)
    count.pointwise(cells * width)
    count.product(cells, width, width)
    count.pointwise(cells * width)
    count.convolution(cells, width, width, NEAR, groups=width)
    count.convolution(cells, width, width, FAR, groups=width)
    count.product(cells, width, width)
    count.product(batch, width, hidden)
    count.product(batch, hidden, width)
    count.pointwise(cells * width, reads=2)
    count.product(cells, width, width)
    count.pointwise(cells * width, reads=3)


def _pixel_attention(count: Count, batch: int, cells: int, width: int) -> None:
    inner = HEADS * HEAD_CHANNELS
    count.pointwise(cells * width)
    count.product(cells, width, 3 * inner)
    count.attention(batch, cells // batch, cells // batch, inner, HEADS)
    count.product(cells, inner, width)
    count.pointwise(cells * width, reads=2)
