"""A domain of any size as the networks get it: with a margin behind it, whole or in tiles."""

from __future__ import annotations

import math

import numpy as np
from mindspore import Tensor, ops

from mindcast.diffusion.tiling import Tiles
from mindcast.models.geodiff.settings import GeoDiffSettings


class Pieces:
    """Cuts fields of a domain (H, W) for the networks, and makes such fields of what they give.

    Networks halve their frames, so rows and columns are added behind a domain until its sides can
    be halved (and tiles that end with it begin with a coarse cell): copies of the last ones, or,
    where its longitudes close the circle, the first columns again. They are cut off again.

    size: (H', W'), with the margin; (H, W) where nothing is needed. tiles: of fields of that size,
    one where the settings ask for none.
    """

    def __init__(self, domain: tuple[int, int], settings: GeoDiffSettings, closed: bool) -> None:
        multiple = math.lcm(settings.factor, settings.reduction)
        height, width = (-(-length // multiple) * multiple for length in domain)
        self.domain, self.size = domain, (height, width)
        tile = settings.tile
        size, overlap = (self.size, 0) if tile is None else (tile.size, tile.overlap)
        self.tiles = Tiles(self.size, size, overlap)
        rows, columns = (np.arange(length, dtype=np.int32) for length in self.size)
        self.sources = (
            np.minimum(rows, domain[0] - 1),
            columns % domain[1] if closed else np.minimum(columns, domain[1] - 1),
        )

    def cut(self, fields: Tensor, channels_last: bool = False) -> Tensor:
        """Fields (N, ..., H, W), or (N, H, W, C), with their margin as `Tiles.cut` gives them."""
        first = fields.ndim - (3 if channels_last else 2)
        for axis, sources in enumerate(self.sources, first):
            if len(sources) > fields.shape[axis]:
                fields = ops.gather(fields, Tensor(sources), axis)
        return self.tiles.cut(fields, channels_last)

    def blend(self, tiles: Tensor) -> Tensor:
        """Fields (N, ..., H, W) of their tiles (K, N, ..., h, w)."""
        return self.without_margin(self.tiles.blend(tiles))

    def without_margin(self, fields: Tensor | np.ndarray) -> Tensor | np.ndarray:
        """(..., H', W') -> (..., H, W)."""
        height, width = self.domain
        return fields if self.size == self.domain else fields[..., :height, :width]
