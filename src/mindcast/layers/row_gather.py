"""Moving whole rows of a token table, with a gradient that is again a gather."""

from __future__ import annotations

import mindspore as ms
import numpy as np
from mindspore import Tensor, nn, ops

from mindcast.kernels.operators import in_use, kernel


def row_gather(index: np.ndarray, rows: int) -> nn.Cell:
    """A cell (N, rows, C) -> (N, index.size, C) that copies row `index[i]` to row i.

    The value `rows` stands for a row of zeros. Roll, pad, crop, resize and window partition are all
    of this kind and compose, in NumPy, to one index. The index that moves nothing costs nothing.
    """
    flat = np.asarray(index).reshape(-1)
    if np.array_equal(flat, np.arange(rows)):
        return nn.Identity()
    return _FusedRowGather(flat, rows) if in_use() else _RowGather(flat, rows)


class _FusedRowGather(nn.Cell):
    """The kernel; its gradient is the same kernel on the table of every row's copies."""

    def __init__(self, index: np.ndarray, rows: int) -> None:
        super().__init__()
        self.index = Tensor(index.reshape(1, -1).astype(np.int32))
        self.copies = Tensor(copies_of_rows(index, rows).astype(np.int32))
        self.gather = kernel("gather_rows", lambda x, table: (x[0], table[1], x[2]))

    def construct(self, x: Tensor) -> Tensor:
        """(N, rows, C) -> (N, rows of the index, C)."""
        return self.gather(x.astype(ms.float32), self.index).astype(x.dtype)

    def bprop(self, x, out, d_out):
        return (self.gather(d_out.astype(ms.float32), self.copies).astype(x.dtype),)


class _RowGather(nn.Cell):
    """Each source row's gradient is the sum over its copies, gathered copy by copy."""

    def __init__(self, index: np.ndarray, rows: int) -> None:
        super().__init__()
        copies = copies_of_rows(index, rows)
        self.index = Tensor(index.astype(np.int32))
        self.copies = tuple(Tensor(copy.astype(np.int32)) for copy in copies)
        self.reads_zero_row = bool((index == rows).any())
        self.some_row_lacks_copies = bool((copies == index.size).any())

    def construct(self, x: Tensor) -> Tensor:
        """(N, rows, C) -> (N, rows of the index, C)."""
        return ops.gather(with_zero_row(x, self.reads_zero_row), self.index, 1)

    def bprop(self, x, out, d_out):
        d_rows = with_zero_row(d_out, self.some_row_lacks_copies)
        dx = ops.gather(d_rows, self.copies[0], 1)
        for copy in self.copies[1:]:
            dx = dx + ops.gather(d_rows, copy, 1)
        return (dx,)


def copies_of_rows(index: np.ndarray, rows: int) -> np.ndarray:
    """(K, rows): where the k-th copy of each source row went; `index.size` where there is none."""
    kept = np.flatnonzero(index < rows)
    order = kept[np.argsort(index[kept], kind="stable")]
    source = index[order]
    counts = np.bincount(source, minlength=rows)
    rank = np.arange(source.size) - np.repeat(np.cumsum(counts) - counts, counts)
    copies = np.full((max(int(counts.max(initial=0)), 1), rows), index.size)
    copies[rank, source] = order
    return copies


def with_zero_row(x: Tensor, wanted: bool) -> Tensor:
    """(N, rows, C), followed by one zero row if `wanted`."""
    if not wanted:
        return x
    return ops.cat((x, ops.zeros((x.shape[0], 1, x.shape[2]), x.dtype)), 1)
