"""A set of tokens summed up by one attention query: their mean."""

from __future__ import annotations

from mindspore import Parameter, Tensor, nn, ops

from mindcast.layers import initialise
from mindcast.layers.broadcast import add
from mindcast.layers.cuboid_attention import SplitHeads
from mindcast.layers.dense import Dense
from mindcast.layers.permute import make_permute
from mindcast.layers.softmax import Softmax


class AttentionPool(nn.Cell):
    """Prepends the mean token, adds learned positions, and reads the mean's attention output.

    tokens: how many come in. Only the mean asks, so only its query is formed.
    """

    def __init__(self, channels: int, tokens: int, out_channels: int, heads: int) -> None:
        super().__init__()
        self.channels = channels
        self.heads = heads
        self.positional_embedding = Parameter(
            initialise.normal((channels, tokens + 1), channels**-0.5)
        )
        self.qkv_proj = Dense(channels, 3 * channels)
        self.c_proj = Dense(channels, out_channels)
        self.as_rows = make_permute(0, 2, 1)
        self.split_heads = SplitHeads(tokens + 1, heads)
        self.softmax = Softmax((channels // heads) ** -0.5)
        self.times_transposed = ops.BatchMatMul(transpose_b=True)
        self.times = ops.BatchMatMul()

    def construct(self, x: Tensor) -> Tensor:
        """(N, C, tokens) -> (N, out_channels)."""
        n, c, count = x.shape[0], self.channels, x.shape[2] + 1
        mean = x.sum(2, keepdims=True) * (1.0 / x.shape[2])  # the gradient of `mean` divides
        tokens = add(ops.cat((mean, x), 2), self.positional_embedding)
        rows = self.qkv_proj(self.as_rows(tokens).reshape(-1, c))
        query, key, value = ops.split(rows, c, 1)
        query = query.reshape(n, count, c)[:, 0].reshape(n, self.heads, 1, -1)
        scores = self.times_transposed(query, self.split_heads(key))
        mixed = self.times(self.softmax(scores), self.split_heads(value))
        return self.c_proj(mixed.reshape(n, c))
