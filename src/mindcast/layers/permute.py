"""The axes of a tensor in another order, without the table that the CPU's own operator keeps."""

from __future__ import annotations

import mindspore as ms
import numpy as np
from mindspore import Tensor, nn, ops

from mindcast.kernels.operators import in_use, kernel


def make_permute(*order: int) -> nn.Cell:
    """A cell: axis i of the result is axis order[i] of the input."""
    return _FusedPermute(order) if in_use() else _Permute(order)


class _Permute(nn.Cell):
    def __init__(self, order: tuple[int, ...]) -> None:
        super().__init__()
        self.order = order

    def construct(self, x: Tensor) -> Tensor:
        return ops.transpose(x, self.order)


class _FusedPermute(nn.Cell):
    def __init__(self, order: tuple[int, ...]) -> None:
        super().__init__()
        back = tuple(int(axis) for axis in np.argsort(order))
        self.order = Tensor(np.int32(order))
        self.back = Tensor(np.int32(back))
        self.there = kernel("permute", lambda x, o: tuple(x[i] for i in order), sizes=order)
        self.home = kernel("permute", lambda x, o: tuple(x[i] for i in back), sizes=back)

    def construct(self, x: Tensor) -> Tensor:
        return self.there(x.astype(ms.float32), self.order).astype(x.dtype)

    def bprop(self, x, out, d_out):
        return (self.home(d_out.astype(ms.float32), self.back).astype(x.dtype),)
