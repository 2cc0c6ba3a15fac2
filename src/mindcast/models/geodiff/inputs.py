"""What the networks see: fields, level coordinate and statics as channels of one volume."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from mindspore import Tensor, nn, ops

from mindcast.models.geodiff.positions import level_coordinate

STATICS = 3


class Channels(nn.Cell):
    """Fields (N, Z, H, W), the level coordinate and, if wanted, the statics, joined.

    count(fields): how many channels that makes.
    """

    def __init__(self, levels_hpa: Sequence[float], statics: bool) -> None:
        super().__init__()
        level = level_coordinate(np.asarray(levels_hpa)).astype(np.float32)
        self.level = Tensor(level.reshape(1, -1, 1, 1, 1))
        self.statics = statics

    def count(self, fields: int) -> int:
        """Channels for that many fields."""
        return fields + 1 + (STATICS if self.statics else 0)

    def construct(self, statics: Tensor, *fields: Tensor) -> Tensor:
        """statics (N, H, W, 3), fields (N, Z, H, W) -> (N, Z, C, H, W)."""
        n, z, h, w = fields[0].shape
        parts = ()
        for field in fields:
            parts = (*parts, field.reshape(n, z, 1, h, w))
        level = self.level.astype(fields[0].dtype)
        parts = (*parts, ops.broadcast_to(level, (n, z, 1, h, w)))
        if self.statics:
            planes = statics.transpose(0, 3, 1, 2).reshape(n, 1, STATICS, h, w)
            parts = (*parts, ops.broadcast_to(planes, (n, z, STATICS, h, w)))
        return ops.cat(parts, 2)


def channels_first(x: Tensor) -> Tensor:
    """(N, Z, H, W, C) -> (N, Z, C, H, W)."""
    return x.transpose(0, 1, 4, 2, 3)
