"""A set of tokens summed up by one attention query: their mean."""

from __future__ import annotations

import mindspore as ms
from mindspore import Parameter, Tensor, nn, ops

from mindcast.layers import initialise
from mindcast.layers.cuboid_attention import by_head
from mindcast.layers.dense import Dense


class AttentionPool(nn.Cell):
    """Prepends the mean token, adds learned positions, and reads the mean's attention output.

    tokens: how many come in. Only the mean asks, so only its query is formed.
    """

    def __init__(self, channels: int, tokens: int, out_channels: int, heads: int) -> None:
        super().__init__()
        self.channels = channels
        self.heads = heads
        self.scale = (channels // heads) ** -0.5
        self.positional_embedding = Parameter(
            initialise.normal((channels, tokens + 1), channels**-0.5)
        )
        self.qkv_proj = Dense(channels, 3 * channels)
        self.c_proj = Dense(channels, out_channels)
        self.times_transposed = ops.BatchMatMul(transpose_b=True)
        self.times = ops.BatchMatMul()

    def construct(self, x: Tensor) -> Tensor:
        """(N, C, tokens) -> (N, out_channels)."""
        n, c, count = x.shape[0], self.channels, x.shape[2] + 1
        tokens = ops.cat((x.mean(2, keep_dims=True), x), 2) + self.positional_embedding
        rows = self.qkv_proj(tokens.transpose(0, 2, 1).reshape(-1, c))
        query, key, value = ops.split(rows, c, 1)
        query = query.reshape(n, count, c)[:, 0]
        scores = self.times_transposed(
            by_head(query, 1, self.heads), by_head(key, count, self.heads)
        )
        weights = ops.softmax((scores * self.scale).astype(ms.float32)).astype(scores.dtype)
        mixed = self.times(weights, by_head(value, count, self.heads))
        return self.c_proj(mixed.reshape(n, c))
