"""GeoDiff's 3-D U-Net as public: images of three channels, no conditioning."""

from __future__ import annotations

import math

from mindcast.models.geodiff.settings import GeoDiffSettings, UNetSettings
from tests.bench.flops.count import Count
from tests.bench.flops.diffcast import number_embedding

IMAGE_CHANNELS = 3  # of the public network
INNER_HEAD = 32


def public_unet(model: GeoDiffSettings, batch: int) -> Count:
    """Every level of every sample is a frame."""
    settings, count = model.denoiser, Count()
    dim, widths, levels = settings.dim, settings.widths, len(model.levels_hpa)
    frames = batch * levels
    cells = frames * math.prod(model.frame_size)
    number_embedding(count, batch, dim)
    count.convolution(cells, IMAGE_CHANNELS, dim, settings.first_kernel**2)
    _over_levels(count, settings, cells, dim, levels)
    pairs = list(zip((dim, *widths[:-1]), widths, strict=True))
    for i, (before, width) in enumerate(pairs):
        _stage(count, settings, batch, frames, cells, before, width, levels)
        if i < len(pairs) - 1:
            count.convolution(cells // 4, width, width, 16, read=cells)
            cells //= 4
    _resblock(count, batch, cells, widths[-1], widths[-1], 4 * dim)
    _within_frame(count, settings, frames, cells, widths[-1])
    _over_levels(count, settings, cells, widths[-1], levels)
    _resblock(count, batch, cells, widths[-1], widths[-1], 4 * dim)
    for i, (before, width) in enumerate(reversed(pairs)):
        _stage(count, settings, batch, frames, cells, 2 * width, before, levels)
        if i < len(pairs) - 1:  # every cell of the coarse frame meets each tap once
            count.convolution(cells, before, before, 16, read=4 * cells)
            cells *= 4
    _resblock(count, batch, cells, 2 * dim, dim, 0)
    count.product(cells, dim, IMAGE_CHANNELS)
    return count


def _stage(
    count: Count,
    settings: UNetSettings,
    batch: int,
    frames: int,
    cells: int,
    before: int,
    width: int,
    levels: int,
) -> None:
    _resblock(count, batch, cells, before, width, 4 * settings.dim)
    _resblock(count, batch, cells, width, width, 4 * settings.dim)
    if settings.linear_attention:
        _linear_attention(count, settings, frames, cells, width)
    _over_levels(count, settings, cells, width, levels)


def _resblock(count: Count, batch: int, cells: int, channels: int, out: int, step: int) -> None:
    if step:
        count.product(batch, step, 2 * out)
    count.convolution(cells, channels, out, 9)
    count.pointwise(cells * out)
    count.convolution(cells, out, out, 9)
    count.pointwise(cells * out)
    if channels != out:
        count.product(cells, channels, out)
    count.pointwise(cells * out, reads=2)


def _over_levels(count: Count, settings: UNetSettings, cells: int, width: int, levels: int) -> None:
    inner = settings.heads * settings.head_size
    count.pointwise(cells * width)
    count.product(cells, width, 3 * inner)
    count.pointwise(2 * cells * inner)  # queries and keys are turned
    count.attention(cells // levels, levels, levels, inner, settings.heads)
    count.product(cells, inner, width)
    count.pointwise(cells * width, reads=2)


def _within_frame(
    count: Count, settings: UNetSettings, frames: int, cells: int, width: int
) -> None:
    inner = settings.heads * INNER_HEAD
    count.pointwise(cells * width)
    count.product(cells, width, 3 * inner)
    count.attention(frames, cells // frames, cells // frames, inner, settings.heads)
    count.product(cells, inner, width)
    count.pointwise(cells * width, reads=2)


def _linear_attention(
    count: Count, settings: UNetSettings, frames: int, cells: int, width: int
) -> None:
    """Keys with values, and queries with what comes of it: (32, 32) a head."""
    inner = settings.heads * INNER_HEAD
    count.pointwise(cells * width)
    count.product(cells, width, 3 * inner)
    count.pointwise(2 * cells * inner)  # the two softmaxes
    count.flops += 2 * 2.0 * cells * inner * INNER_HEAD
    count.moved += 4 * 4.0 * cells * inner
    count.product(cells, inner, width)
    count.pointwise(cells * width, reads=2)
