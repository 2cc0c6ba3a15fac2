"""What memory a row of a forecast takes."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from mindcast.models.activations import Block, bytes_of
from mindcast.models.diffcast.settings import DiffCastSettings

HEADS, HEAD_CHANNELS = 4, 32  # of the attention in the middle
RESNET = 10  # twice convolution, norm, scale and shift, SiLU; the skip and the sum
GATED = 12  # large-kernel attention with its norm and the sums


def row_bytes(settings: DiffCastSettings, domain: tuple[int, int], device: str) -> int:
    """Of one member of a frame, or of one tile of a domain (H, W): tiles are frames.

    The denoiser; backbone and context network see one case, member or tile at a time.
    """
    return bytes_of(_blocks(settings), device)


def _blocks(settings: DiffCastSettings) -> Iterator[Block]:
    dim, (height, width) = settings.denoiser.dim, settings.network_frame
    pairs = [*pairwise((dim, *(dim * multiple for multiple in settings.denoiser.multiples)))]
    areas = [height * width // 4**level for level in range(len(pairs))]
    images = settings.context_frames * (3 * settings.channels + settings.guide_channels)
    yield Block(images + 3 * dim, dim) * areas[0]
    features = 3 if settings.context_net.use else 0  # read, and joined to what comes down
    for (narrow, wide), area in zip(pairs, areas, strict=True):
        written = (2 * RESNET + GATED + features) * narrow + max(narrow, wide)
        yield Block(written, (2 + features) * narrow) * area
    middle, area = pairs[-1][1], areas[-1]
    inner = HEADS * HEAD_CHANNELS
    attention = 3 * middle + 6 * inner + 2 * HEADS * area
    yield Block(2 * RESNET * middle + attention, middle) * area
    for (narrow, wide), area in zip(reversed(pairs), reversed(areas), strict=True):
        written = 2 * (wide + narrow) + (2 * RESNET + GATED) * wide + 4 * max(narrow, wide)
        yield Block(written, 4 * narrow) * area
    yield Block((2 + RESNET) * dim + images, images) * areas[0]
