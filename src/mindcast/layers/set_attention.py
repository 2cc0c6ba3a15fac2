"""Attention within small sets of tokens, one kernel from the rows of qkv to those of the result."""

from __future__ import annotations

import mindspore as ms
import numpy as np
from mindspore import Tensor, nn, ops

from mindcast.kernels.operators import in_use, kernel
from mindcast.layers.dropout import SEEDS

LARGEST_SET = 256  # tokens; larger sets are worth a library's matrix products


def fits(volume: int) -> bool:
    """Whether `SetAttention` serves sets of that many tokens on this device."""
    return in_use() and volume <= LARGEST_SET


class SetAttention(nn.Cell):
    """softmax(scale Q K^T + bias + mask) V in every set and head (Vaswani et al. 2017).

    mask: (S, V, V), added to the scores. turns: (V, 2, D), cosines and sines of the angles that
    feature pairs (2 i, 2 i + 1) of query and key are turned by. dropout: of the weights. Only for
    devices and sets that `fits` names; differentiable once.
    """

    def __init__(
        self,
        heads: int,
        scale: float,
        mask: np.ndarray | None = None,
        turns: np.ndarray | None = None,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.mask, self.turns = _given(mask), _given(turns)
        self.nothing = _given(None)
        seed = int(np.random.randint(SEEDS)) if dropout else 0
        self.plain = Tensor(np.float32([heads, scale, 1.0, 0.0]))
        self.dropping = Tensor(np.float32([heads, scale, 1.0 - dropout, seed]))
        self.core = _Kernels()

    def construct(
        self,
        qkv: Tensor,
        members: Tensor,
        bias: Tensor | None = None,
        alone: Tensor | None = None,
    ) -> Tensor:
        """(N, R, 3 C) -> (N, R, C).

        members: (S, V) int32, the rows of each set's tokens, every row in one set; R and more stand
        for empty places, whose query, key and value are 0. bias: (heads, V, V), learned. alone:
        (N,), 1 for samples whose tokens see only themselves.
        """
        options = self.dropping if self.training else self.plain
        bias = self.nothing if bias is None else bias.astype(ms.float32)
        alone = self.nothing if alone is None else alone.astype(ms.float32).reshape(-1, 1)
        rows = qkv.astype(ms.float32)
        mixed = self.core(rows, members, bias, self.mask, self.turns, alone, options)
        return mixed[0].astype(qkv.dtype)


class _Kernels(nn.Cell):
    """The kernel and its gradient; the key of the dropout follows the result."""

    def __init__(self) -> None:
        super().__init__()
        self.forward = kernel(
            "set_attention", lambda x, i, b, m, t, a, o: ((x[0], x[1], x[2] // 3), (2,)), 2
        )
        self.gradient = kernel(
            "set_attention_gradient", lambda x, i, b, m, t, a, o, k, d: (x, b), 2
        )

    def construct(self, rows, members, bias, mask, turns, alone, options):
        return self.forward(rows, members, bias, mask, turns, alone, options)

    def bprop(self, rows, members, bias, mask, turns, alone, options, out, d_out):
        d_rows, d_bias = self.gradient(
            rows, members, bias, mask, turns, alone, options, out[1], d_out[0]
        )
        rest = [ops.zeros_like(x) for x in (mask, turns, alone, options)]
        return d_rows, ops.zeros_like(members), d_bias, *rest


def _given(array: np.ndarray | None) -> Tensor:
    return Tensor(np.zeros(1, np.float32) if array is None else array.astype(np.float32))
