"""Dropout that a resumed run repeats exactly.

MindSpore's operator draws its mask from a hidden state that no checkpoint holds. Here the mask is
a hash of the position and of a key that is read off the input, so it is a function of the input
alone: the same step on the same data drops the same entries, in whatever process. The input
changes from step to step, and so does the mask. The kernel and the public operators hash
differently: a run keeps its masks as long as it stays with one of them.
"""

from __future__ import annotations

import mindspore as ms
import numpy as np
from mindspore import Tensor, nn, ops

from mindcast.kernels.operators import in_use, kernel

KEY_ROWS = 8  # rows that the key is read from
KEY_STEPS = 4096.0  # changes of the input that are smaller than its inverse may keep the key
KEY_RANGE = float(2**30)
SEEDS = 2**24  # float32 holds them exactly


class Dropout(nn.Cell):
    """Zeroes entries with probability `rate` in (0, 1) while training, and scales up the others."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        seed = int(np.random.randint(2**31))  # ms.set_seed sets this stream too
        self.mask = _FusedMask(rate, seed % SEEDS) if in_use() else _Mask(rate, seed)

    def construct(self, x: Tensor) -> Tensor:
        """Any shape of rank 2 or more, (..., columns)."""
        if not self.training:
            return x
        rows = x.reshape(-1, x.shape[-1])
        return self.mask(rows.astype(ms.float32))[0].astype(x.dtype).reshape(x.shape)


class _FusedMask(nn.Cell):
    """The kernel; the mask's key follows for the gradient."""

    def __init__(self, rate: float, seed: int) -> None:
        super().__init__()
        self.options = Tensor(np.float32([1.0 - rate, seed]))
        self.forward = kernel("dropout", lambda x, o: (x, (2,)), 2)
        self.gradient = kernel("dropout_gradient", lambda d, o, k: d)

    def construct(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        return self.forward(rows, self.options)

    def bprop(self, rows, out, d_out):
        return (self.gradient(d_out[0], self.options, out[1]),)


class _Mask(nn.Cell):
    """The same of public operators."""

    def __init__(self, rate: float, seed: int) -> None:
        super().__init__()
        self.scale = 1.0 / (1.0 - rate)
        self.limit = round((1.0 - rate) * 2**32) - 2**31  # int32 words below it are kept
        self.seed = seed

    def construct(self, rows: Tensor) -> tuple[Tensor]:
        kept = self.kept(ops.stop_gradient(rows)).astype(rows.dtype) * self.scale
        return (rows * ops.stop_gradient(kept),)

    def kept(self, rows: Tensor) -> Tensor:
        """Which entries of (rows, columns) stay, bool."""
        height, width = rows.shape
        words = _words(self.seed, 0, (height, 1)) + _words(self.seed, 1, (1, width))
        words = words + self.key(rows[:KEY_ROWS])
        words = words * (2 * words + 1)  # a permutation of the 32-bit words that mixes upwards
        words = words * (2 * words + 1)
        return words < self.limit

    def key(self, rows: Tensor) -> Tensor:
        """A 30-bit word (1, 1) that changes with any entry of `rows`."""
        weighted = rows * _weights(self.seed, tuple(rows.shape))
        total = weighted.sum(axis=1).sum() * KEY_STEPS
        return ((total - ops.floor(total)) * KEY_RANGE).astype(ms.int32).reshape(1, 1)


@ms.constexpr
def _words(seed: int, axis: int, shape: tuple[int, int]) -> Tensor:
    rng = np.random.default_rng([seed, axis])
    return Tensor(rng.integers(-(2**31), 2**31, shape, dtype=np.int64).astype(np.int32))


@ms.constexpr
def _weights(seed: int, shape: tuple[int, int]) -> Tensor:
    return Tensor(np.random.default_rng([seed, 2]).uniform(1, 2, shape).astype(np.float32))


def make_dropout(rate: float) -> nn.Cell:
    """Dropout of that rate; nothing at all where it is 0."""
    return Dropout(rate) if rate > 0 else nn.Identity()
