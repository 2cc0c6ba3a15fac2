"""Drawing x_t from clean data, on tensors."""

from __future__ import annotations

import numpy as np
from mindspore import Tensor, nn, ops

from mindcast.diffusion.process import DiffusionProcess


def constant(values: np.ndarray) -> Tensor:
    """A float64 table as a float32 constant of the graph."""
    return Tensor(np.asarray(values, np.float32))


def at_time(table: Tensor, t: Tensor, like: Tensor) -> Tensor:
    """Entries `t` (N,) of `table` (T,), shaped to multiply `like` (N, ...) of any rank."""
    return ops.gather(table, t, 0).reshape((-1,) + (1,) * (like.ndim - 1))


class ForwardNoising(nn.Cell):
    """x_t = sqrt(alpha_bar_t) x_0 + sqrt(1 - alpha_bar_t) noise (Ho et al. 2020, eq. 4)."""

    def __init__(self, process: DiffusionProcess) -> None:
        super().__init__()
        self.signal = constant(process.sqrt_alpha_bar)
        self.spread = constant(process.sqrt_one_minus_alpha_bar)

    def construct(self, x0: Tensor, t: Tensor, noise: Tensor) -> Tensor:
        """x0 and noise (N, ...) of one shape, t (N,) int32 in [0, T)."""
        return at_time(self.signal, t, x0) * x0 + at_time(self.spread, t, x0) * noise
