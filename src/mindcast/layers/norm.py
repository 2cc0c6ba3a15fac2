"""Layer, group and batch normalisation, each with the affine parameters `weight` and `bias`.

On CPU MindSpore's own kernels spend most of their time in scalar loops (layer norm) or in passes
over the whole tensor (group norm), so both have a form with a hand-written gradient here; other
devices use the fused operators. Second derivatives through the hand-written forms are not defined.

An operator that has to broadcast one of its inputs takes ten times as long on CPU as one with
equal shapes, so the hand-written forms spread rows and columns out first.
"""

from __future__ import annotations

import numpy as np
from mindspore import Parameter, Tensor, nn, ops

from mindcast.layers.device import on_cpu


class LayerNorm(nn.Cell):
    """Normalises the last axis, of `channels` entries, of an input of any rank."""

    def __init__(self, channels: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.channels = channels
        self.weight = Parameter(Tensor(np.ones(channels, np.float32)))
        self.bias = Parameter(Tensor(np.zeros(channels, np.float32)))
        self.rows = _RowNorm(channels, eps) if on_cpu() else _FusedRowNorm(eps)

    def construct(self, x: Tensor) -> Tensor:
        """(..., channels) -> the same shape."""
        return self.rows(x.reshape(-1, self.channels), self.weight, self.bias).reshape(x.shape)


class _FusedRowNorm(nn.Cell):
    """`ops.LayerNorm` of (rows, channels)."""

    def __init__(self, eps: float) -> None:
        super().__init__()
        self.norm = ops.LayerNorm(1, 1, eps)

    def construct(self, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        return self.norm(x, weight, bias)[0]


class _RowNorm(_FusedRowNorm):
    """The kernel's forward with a backward whose row means are products with a constant column."""

    def __init__(self, channels: int, eps: float) -> None:
        super().__init__(eps)
        self.eps = eps
        self.matmul = ops.MatMul()
        self.average = Tensor(np.full((channels, 1), 1.0 / channels, np.float32))
        self.ones = Tensor(np.ones((1, channels), np.float32))
        self.tile = ops.Tile()

    def bprop(self, x, weight, bias, out, d_out):
        centred = x - self.spread(self.matmul(x, self.average))
        inverse_std = ops.rsqrt(self.matmul(centred * centred, self.average) + self.eps)
        inverse_std = self.spread(inverse_std)
        normed = centred * inverse_std
        d_normed = d_out * self.tile(weight.reshape(1, -1), (x.shape[0], 1))
        along = self.spread(self.matmul(d_normed * normed, self.average))
        mean = self.spread(self.matmul(d_normed, self.average))
        dx = (d_normed - mean - normed * along) * inverse_std
        ones = ops.ones((1, x.shape[0]), x.dtype)
        d_weight = self.matmul(ones, d_out * normed).reshape(-1)
        return dx, d_weight, self.matmul(ones, d_out).reshape(-1)

    def spread(self, column: Tensor) -> Tensor:
        """(rows, 1) -> (rows, channels)."""
        return self.matmul(column, self.ones)


class GroupNorm(nn.Cell):
    """Normalises each of `groups` blocks of consecutive channels over all positions."""

    def __init__(self, groups: int, channels: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.weight = Parameter(Tensor(np.ones(channels, np.float32)))
        self.bias = Parameter(Tensor(np.zeros(channels, np.float32)))
        self.norm = _FoldedGroupNorm(groups, eps) if on_cpu() else _FusedGroupNorm(groups, eps)

    def construct(self, x: Tensor) -> Tensor:
        """(N, channels, *positions) of any rank -> the same shape."""
        return self.norm(x, self.weight, self.bias)[0]


class JoinedGroupNorm(nn.Cell):
    """`GroupNorm` with its affine parameters as arguments: several norms in one.

    Norms of g groups each, over tensors joined along the channels, are one norm of all the groups.
    """

    def __init__(self, groups: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.norm = _FoldedGroupNorm(groups, eps) if on_cpu() else _FusedGroupNorm(groups, eps)

    def construct(self, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        """(N, channels, *positions) of any rank, (channels,) twice -> the shape of `x`."""
        return self.norm(x, weight, bias)[0]


class _FusedGroupNorm(nn.Cell):
    """`ops.group_norm` behind the signature of the folded form."""

    def __init__(self, groups: int, eps: float) -> None:
        super().__init__()
        self.groups = groups
        self.eps = eps

    def construct(self, x: Tensor, weight: Tensor, bias: Tensor) -> tuple[Tensor]:
        return (ops.group_norm(x, self.groups, weight, bias, self.eps),)


class _FoldedGroupNorm(nn.Cell):
    """Group norm as one multiply-add per channel, of deviations from the group mean.

    With d = x - mean, r = 1/std and k = 1/(entries of a group):
        y = d * (r weight) + bias
        dx = dy (r weight) - d (r^2 B) - r A,  A = k sum(dy weight),  B = k sum(dy weight d r)
    so that full tensors meet only row sums and row-wise factors. The mean is subtracted before
    squaring: E[x^2] - mean^2 would lose the variance when |mean| >> std.
    """

    def __init__(self, groups: int, eps: float) -> None:
        super().__init__()
        self.groups = groups
        self.eps = eps
        self.row_sum = ops.ReduceSum(keep_dims=True)
        self.sum = ops.ReduceSum()
        self.bias_add = ops.BiasAdd()
        self.tile = ops.Tile()

    def construct(self, x: Tensor, weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        n, c, g = x.shape[0], x.shape[1], self.groups
        flat = x.reshape(n * g, -1)
        k = 1.0 / flat.shape[1]
        mean = self.row_sum(flat, 1) * k
        centred = flat - self.along(mean, flat)
        inverse_std = ops.rsqrt(self.row_sum(centred * centred, 1) * k + self.eps)
        scale = (inverse_std.reshape(n, g, 1) * weight.reshape(1, g, -1)).reshape(n * c, 1)
        centred = centred.reshape(n * c, -1)
        y = self.bias_add((centred * self.along(scale, centred)).reshape(n, c, -1), bias)
        return y.reshape(x.shape), mean, inverse_std

    def bprop(self, x, weight, bias, out, d_out):
        n, c, g = x.shape[0], x.shape[1], self.groups
        mean, inverse_std = out[1], out[2]
        flat = x.reshape(n * g, -1)
        centred = flat - self.along(mean, flat)
        k = 1.0 / flat.shape[1]
        r, w = inverse_std.reshape(n, g, 1), weight.reshape(1, g, -1)
        dy = d_out[0].reshape(n * c, -1)
        d_bias = self.row_sum(dy, 1).reshape(n, g, -1)
        d_weight = self.row_sum(dy * centred.reshape(n * c, -1), 1).reshape(n, g, -1) * r
        a = self.row_sum(d_bias * w, 2).reshape(n * g, 1) * k
        b = self.row_sum(d_weight * w, 2).reshape(n * g, 1) * k
        direct = (dy * self.along((r * w).reshape(n * c, 1), dy)).reshape(n * g, -1)
        dx = direct - centred * self.along(inverse_std * inverse_std * b, centred)
        dx = dx - self.along(inverse_std * a, centred)
        d_weight, d_bias = d_weight.reshape(n, c), d_bias.reshape(n, c)
        return dx.reshape(x.shape), self.sum(d_weight, 0), self.sum(d_bias, 0)

    def along(self, column: Tensor, rows: Tensor) -> Tensor:
        """(N, 1), spread to the shape (N, L) of `rows`."""
        return self.tile(column, (1, rows.shape[1]))


class BatchNorm(nn.Cell):
    """Normalises each channel over batch and positions; running statistics serve evaluation.

    In training mode the batch's own statistics are used and the running ones move by
    `momentum` towards them (the variance towards its unbiased estimate), as in PyTorch.
    Composed of plain operators: the gradient of MindSpore's kernel in training mode is off by
    up to 4e-2 on CPU.
    """

    def __init__(self, channels: int, eps: float = 1e-5, momentum: float = 0.1) -> None:
        super().__init__()
        self.eps = eps
        self.momentum = momentum
        self.weight = Parameter(Tensor(np.ones(channels, np.float32)))
        self.bias = Parameter(Tensor(np.zeros(channels, np.float32)))
        self.running_mean = Parameter(Tensor(np.zeros(channels, np.float32)), requires_grad=False)
        self.running_var = Parameter(Tensor(np.ones(channels, np.float32)), requires_grad=False)
        self.sum = ops.ReduceSum(keep_dims=True)

    def construct(self, x: Tensor) -> Tensor:
        """(N, channels, *positions) -> the same shape."""
        rows = x.reshape(x.shape[0], x.shape[1], -1)
        if self.training:
            count = rows.shape[0] * rows.shape[2]
            mean = self._channel_sum(rows) / count
            centred = rows - mean
            variance = self._channel_sum(centred * centred) / count
            self._update(mean, variance * (count / (count - 1)))
        else:
            centred = rows - self.running_mean.reshape(1, -1, 1)
            variance = self.running_var.reshape(1, -1, 1)
        scale = ops.rsqrt(variance + self.eps) * self.weight.reshape(1, -1, 1)
        return (centred * scale + self.bias.reshape(1, -1, 1)).reshape(x.shape)

    def _channel_sum(self, rows: Tensor) -> Tensor:
        return self.sum(self.sum(rows, 2), 0)

    def _update(self, mean: Tensor, variance: Tensor) -> None:
        for running, batch in ((self.running_mean, mean), (self.running_var, variance)):
            batch = ops.stop_gradient(batch.reshape(-1))
            ops.assign(running, running + self.momentum * (batch - running))


def running_statistics(cell: nn.Cell) -> list[Parameter]:
    """Those of every batch norm within a cell: what training moves without a gradient."""
    norms = [inner for _, inner in cell.cells_and_names() if isinstance(inner, BatchNorm)]
    return [p for norm in norms for p in (norm.running_mean, norm.running_var)]
