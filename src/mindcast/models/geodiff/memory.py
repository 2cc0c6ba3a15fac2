"""What memory a row of a forecast takes, and tiles for domains that do not fit into it."""

from __future__ import annotations

from collections.abc import Iterator

from mindcast.models.activations import Block, bytes_of
from mindcast.models.geodiff.settings import GeoDiffSettings, TileSettings, UNetSettings

INNER_HEAD = 32  # channels of a head of the attentions within a frame
OVERLAPS = 4  # tiles lie over each other by one part in so many of their shorter side


def row_bytes(settings: GeoDiffSettings, domain: tuple[int, int], device: str) -> int:
    """Of one member, or tile of it, of a forecast of a domain (H, W), fine cells.

    The larger of the two networks; guidance runs the denoiser twice.
    """
    tile = domain if settings.tile is None else settings.tile.size
    sides = (min(pair) for pair in zip(domain, tile, strict=True))
    height, width = (-(-side // settings.multiple) * settings.multiple for side in sides)
    levels = len(settings.levels_hpa)
    passes = 1 if settings.diffusion.guidance == 1 else 2
    networks = ((settings.deterministic, 1), (settings.denoiser, passes))
    return max(
        bytes_of([*_blocks(unet, levels, height * width)] * times, device)
        for unet, times in networks
    )


def in_tiles(
    settings: GeoDiffSettings, domain: tuple[int, int], limit: int, device: str
) -> tuple[GeoDiffSettings, str]:
    """The settings as they are where the domain fits into `limit` bytes, else with a tile, named.

    Its sides are those of the training crops, doubled while a tile fits: few sizes, lest other
    numbers come out whenever some memory more is free.
    """
    if settings.tile is not None or row_bytes(settings, domain, device) <= limit:
        return settings, ""
    tile, times = _tile(settings, 1), 2
    while row_bytes(_cut(settings, larger := _tile(settings, times)), domain, device) <= limit:
        tile, times = larger, 2 * times
    height, width = tile.size
    return _cut(settings, tile), (
        f"in tiles of {height} x {width}, as by "
        f"--set 'model.tile={{size: [{height}, {width}], overlap: {tile.overlap}}}'"
    )


def _tile(settings: GeoDiffSettings, times: int) -> TileSettings:
    height, width = (times * side for side in settings.frame_size)
    return TileSettings(size=(height, width), overlap=max(1, min(height, width) // OVERLAPS))


def _cut(settings: GeoDiffSettings, tile: TileSettings) -> GeoDiffSettings:
    return settings.model_copy(update={"tile": tile})


def _blocks(unet: UNetSettings, levels: int, area: int) -> Iterator[Block]:
    """The blocks of a network, of all levels of a frame of so many cells."""
    widths = (unet.dim, *unet.widths)
    yield Block(unet.dim + _over_levels(unet, unet.dim, levels), unet.dim) * (levels * area)
    areas = [levels * area // 4**stage for stage in range(len(unet.widths))]
    for channels, cells in zip(unet.widths, areas, strict=True):
        written = 2 * _resnet(channels) + _attentions(unet, channels, levels)
        yield Block(written + channels, channels) * cells
    middle = unet.widths[-1]
    cells = areas[-1] // levels
    written = 2 * _resnet(middle) + _over_levels(unet, middle, levels)
    yield Block(written + _within_frame(unet, middle, cells), middle) * areas[-1]
    for stage in reversed(range(len(areas))):
        channels = widths[stage]
        written = 2 * unet.widths[stage] + 2 * _resnet(channels)
        written += _attentions(unet, channels, levels) + 4 * channels
        yield Block(written, 4 * channels if stage else channels) * areas[stage]
    yield Block(2 * unet.dim + _resnet(unet.dim) + 1, 1) * (levels * area)


def _resnet(channels: int) -> int:
    """Twice convolution, norm, shift and SiLU; the skip and the sum."""
    return 10 * channels


def _attentions(unet: UNetSettings, channels: int, levels: int) -> int:
    linear = 3 * channels + 7 * unet.heads * INNER_HEAD if unet.linear_attention else 0
    return linear + _over_levels(unet, channels, levels)


def _over_levels(unet: UNetSettings, channels: int, levels: int) -> int:
    """Norm, query, key and value, turned and set out by column, weights of all pairs of levels."""
    return 3 * channels + 10 * unet.heads * unet.head_size + 2 * unet.heads * levels


def _within_frame(unet: UNetSettings, channels: int, cells: int) -> int:
    """The weights of all pairs of cells are what grows with the square of the area."""
    return 3 * channels + 8 * unet.heads * INNER_HEAD + 2 * unet.heads * cells
