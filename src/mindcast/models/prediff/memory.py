"""What memory a row of a forecast takes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod

from mindcast.layers.cuboid_patterns import Cuboid, cuboids_of
from mindcast.models.activations import Block, bytes_of
from mindcast.models.prediff.settings import CuboidSettings, PreDiffSettings, Shape

TIME_BLOCK = 10  # twice norm, activation and convolution; the step, the skip, the sum, two layouts
ATTENTION = 13  # norm, query, key, value by head, what is mixed, the projection; orders and sums
FORWARD = 16  # norm, two layers of four times the channels and what is between, the sum
GATE = 8  # of a gated one, more
BACKWARD = 3  # a gradient keeps what was written and writes it twice more


def row_bytes(settings: PreDiffSettings, domain: tuple[int, int], device: str) -> int:
    """Of one member of a frame, or of one tile of a domain (H, W): tiles are frames.

    Denoiser and, as forecasts may be steered, gradient of the alignment; the autoencoder sees one
    case, member or tile at a time.
    """
    frames = settings.context_frames + settings.target_frames
    denoiser = [*_pyramid(settings.denoiser, settings.latent_shape(frames), ways=2)]
    steering = [*_pyramid(settings.alignment, settings.latent_shape(settings.target_frames))]
    kept = sum(block.written for block in steering)
    gradient = Block(BACKWARD * kept, 0)
    return bytes_of([*denoiser, *(gradient for _ in steering[:1])], device)


def _pyramid(settings: CuboidSettings, latents: Shape, ways: int = 1) -> Iterator[Block]:
    """The blocks of a pyramid, once for each way, down and up."""
    frames, height, width, channels = latents
    shape = (frames, height, width)
    yield Block(TIME_BLOCK * (channels + settings.base_units), settings.base_units) * prod(shape)
    levels = zip(settings.units, settings.depth, settings.level_patterns, strict=True)
    for units, depth, pattern in levels:
        block = _block(settings, units, cuboids_of(pattern, shape)) * prod(shape)
        for _ in range(ways * depth):
            yield block
        height, width = (-(-side // settings.downsample) for side in shape[1:])
        shape = (frames, height, width)


def _block(settings: CuboidSettings, units: int, cuboids: Sequence[Cuboid]) -> Block:
    """Of one token: a time ResBlock, and a stack of attentions and feed-forward networks."""
    scores = sum(4 * settings.heads * prod(cuboid.block) for cuboid in cuboids)
    networks = len(cuboids) if settings.ffn_after_each_attention else 1
    forward = FORWARD + (GATE if settings.gated_ffn else 0)
    rows = TIME_BLOCK + ATTENTION * len(cuboids) + forward * networks
    return Block(rows * units + scores, units)
