"""PreDiff: the cuboid pyramids and the frame autoencoder."""

from __future__ import annotations

import math
from collections.abc import Sequence

from mindcast.layers.cuboid_geometry import effective, padded_shape
from mindcast.layers.cuboid_patterns import Shape, cuboids_of
from mindcast.models.prediff.settings import (
    AutoencoderSettings,
    CuboidSettings,
    PreDiffSettings,
)
from tests.bench.flops.count import Count

HIDDEN_MULTIPLE = 4


def denoiser(model: PreDiffSettings, batch: int) -> Count:
    """The Earthformer-UNet."""
    settings, count = model.denoiser, Count()
    channels, height, width = model.latent_chw
    shape = (model.context_frames + model.target_frames, height, width)
    _descend(count, settings, batch, shape, channels + 1 + model.guide_channels)
    shapes, units = _shapes(settings, shape), settings.units
    taps = settings.upsample_kernel**2
    for i in reversed(range(len(units))):
        _level(count, settings, batch, shapes[i], i)
        if i > 0:
            cells, coarse = (batch * math.prod(shapes[k]) for k in (i - 1, i))
            count.convolution(cells, units[i], units[i - 1], taps, read=coarse)
            count.pointwise(cells * units[i - 1], reads=2)  # the skip
    count.product(batch * model.target_frames * height * width, units[0], channels)
    return count


def alignment(model: PreDiffSettings, batch: int) -> Count:
    """The alignment network, read out frame by frame."""
    settings, count = model.alignment, Count()
    channels, height, width = model.latent_chw
    shape = (model.target_frames, height, width)
    _descend(count, settings, batch, shape, channels)
    frames, height, width = _shapes(settings, shape)[-1]
    units = settings.units[-1]
    sets, tokens = (batch * frames, height * width) if settings.read_out_per_frame else (batch, 0)
    tokens = tokens or frames * height * width
    count.pointwise(sets * tokens * units)
    count.product(sets * (tokens + 1), units, 3 * units)
    count.attention(sets, 1, tokens + 1, units, settings.heads)
    count.product(sets, units, settings.out_channels)
    return count


def _descend(
    count: Count, settings: CuboidSettings, batch: int, shape: Shape, channels: int
) -> None:
    units, base = settings.units, settings.base_units
    wide = settings.time_embedding_multiple * base
    count.product(batch, base, wide)
    count.product(batch, wide, wide)
    cells = batch * math.prod(shape)
    _resblock(count, cells, channels, units[0])
    count.pointwise(cells * units[0])  # positions
    shapes = _shapes(settings, shape)
    for i in range(len(units)):
        if i > 0:
            patch = settings.downsample**2 * units[i - 1]
            rows = batch * math.prod(shapes[i])
            count.pointwise(rows * patch)
            count.product(rows, patch, units[i])
        _level(count, settings, batch, shapes[i], i)


def _level(count: Count, settings: CuboidSettings, batch: int, shape: Shape, level: int) -> None:
    units = settings.units[level]
    wide = settings.time_embedding_multiple * settings.base_units
    for _ in range(settings.depth[level]):
        count.product(batch, wide, 2 * units if settings.scale_shift else units)
        _resblock(count, batch * math.prod(shape), units, units)
        _stack(count, settings, batch, shape, level)


def _stack(count: Count, settings: CuboidSettings, batch: int, shape: Shape, level: int) -> None:
    units, rows = settings.units[level], batch * math.prod(shape)
    cuboids = cuboids_of(settings.level_patterns[level], shape)
    for cuboid in cuboids:
        cut = effective(cuboid, shape)
        volume, padded = math.prod(cut.block), math.prod(padded_shape(shape, cut.block))
        count.pointwise(rows * units)
        count.product(batch * padded, units, 3 * units)
        count.attention(batch * padded // volume, volume, volume, units, settings.heads)
        if settings.attention_projection:
            count.product(rows, units, units)
        count.pointwise(rows * units, reads=2)
    for _ in range(len(cuboids) if settings.ffn_after_each_attention else 1):
        hidden = HIDDEN_MULTIPLE * units
        count.pointwise(rows * units)
        for _ in range(2 if settings.gated_ffn else 1):
            count.product(rows, units, hidden)
        count.pointwise(rows * hidden)
        count.product(rows, hidden, units)
        count.pointwise(rows * units, reads=2)


def _resblock(count: Count, cells: int, channels: int, out: int, taps: int = 27) -> None:
    """Norm, activation and convolution twice, and the skip; without the embedding."""
    count.pointwise(cells * channels)
    count.convolution(cells, channels, out, taps)
    count.pointwise(cells * out)
    count.convolution(cells, out, out, taps)
    if channels != out:
        count.product(cells, channels, out)
    count.pointwise(cells * out, reads=2)


def _shapes(settings: CuboidSettings, shape: Shape) -> list[Shape]:
    t, h, w = shape
    factors = [settings.downsample**i for i in range(len(settings.depth))]
    return [(t, -(-h // f), -(-w // f)) for f in factors]


def encoding(model: PreDiffSettings, frames: int) -> Count:
    """Frames to moments."""
    settings, count = model.autoencoder, Count()
    widths = settings.block_channels
    cells = frames * math.prod(model.frame_size)
    count.convolution(cells, 1, widths[0], 9)
    before = widths[0]
    for i, width in enumerate(widths):
        _frame_blocks(count, cells, before, width, settings.layers_per_block)
        before = width
        if i < len(widths) - 1:
            count.convolution(cells // 4, width, width, 9, read=cells)
            cells //= 4
    _middle(count, settings, frames, cells)
    moments = 2 * settings.latent_channels
    count.pointwise(cells * widths[-1])
    count.convolution(cells, widths[-1], moments, 9)
    count.product(cells, moments, moments)
    return count


def decoding(model: PreDiffSettings, frames: int) -> Count:
    """Latents to frames."""
    settings, count = model.autoencoder, Count()
    widths, latent = settings.block_channels[::-1], settings.latent_channels
    cells = frames * math.prod(model.latent_chw[1:])
    count.product(cells, latent, latent)
    count.convolution(cells, latent, widths[0], 9)
    _middle(count, settings, frames, cells)
    before = widths[0]
    for i, width in enumerate(widths):
        _frame_blocks(count, cells, before, width, settings.layers_per_block + 1)
        before = width
        if i < len(widths) - 1:
            count.convolution(4 * cells, width, width, 9, read=cells)
            cells *= 4
    count.pointwise(cells * widths[-1])
    count.convolution(cells, widths[-1], 1, 9)
    return count


def _frame_blocks(count: Count, cells: int, before: int, width: int, layers: int) -> None:
    inputs: Sequence[int] = (before, *[width] * (layers - 1))
    for channels in inputs:
        _resblock(count, cells, channels, width, taps=9)


def _middle(count: Count, settings: AutoencoderSettings, frames: int, cells: int) -> None:
    width = settings.block_channels[-1]
    _resblock(count, cells, width, width, taps=9)
    count.pointwise(cells * width)
    for _ in range(4):
        count.product(cells, width, width)
    count.attention(frames, cells // frames, cells // frames, width, heads=1)
    count.pointwise(cells * width, reads=2)
    _resblock(count, cells, width, width, taps=9)
