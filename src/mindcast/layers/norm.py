"""Layer, group and batch normalisation, each with the affine parameters `weight` and `bias`.

Layer and group norm are computed in float32, on the CPU by fused kernels; second derivatives
through those are not defined.
"""

from __future__ import annotations

import mindspore as ms
import numpy as np
from mindspore import Parameter, Tensor, nn, ops

from mindcast.kernels.operators import in_use, kernel
from mindcast.layers.broadcast import add, multiply


class LayerNorm(nn.Cell):
    """Normalises the last axis, of `channels` entries, of an input of any rank."""

    def __init__(self, channels: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.channels = channels
        self.weight = Parameter(Tensor(np.ones(channels, np.float32)))
        self.bias = Parameter(Tensor(np.zeros(channels, np.float32)))
        self.rows = _FusedRowNorm(eps) if in_use() else _RowNorm(eps)

    def construct(self, x: Tensor) -> Tensor:
        """(..., channels) -> the same shape."""
        rows = x.reshape(-1, self.channels).astype(ms.float32)
        y = self.rows(rows, self.weight, self.bias)[0]
        return y.astype(x.dtype).reshape(x.shape)


class _RowNorm(nn.Cell):
    """`ops.LayerNorm` of (rows, channels)."""

    def __init__(self, eps: float) -> None:
        super().__init__()
        self.norm = ops.LayerNorm(1, 1, eps)

    def construct(self, x: Tensor, weight: Tensor, bias: Tensor) -> tuple[Tensor, ...]:
        return self.norm(x, weight, bias)


class _FusedRowNorm(nn.Cell):
    """The kernel; its outputs are `ops.LayerNorm`'s but for the inverse standard deviation."""

    def __init__(self, eps: float) -> None:
        super().__init__()
        self.eps = Tensor(np.float32([eps]))
        self.forward = kernel("layer_norm", lambda x, w, b, e: (x, x[:1], x[:1]), 3)
        self.gradient = kernel("layer_norm_gradient", lambda x, w, m, r, d: (x, w, w), 3)

    def construct(self, x: Tensor, weight: Tensor, bias: Tensor) -> tuple[Tensor, ...]:
        return self.forward(x, weight, bias, self.eps)

    def bprop(self, x, weight, bias, out, d_out):
        return self.gradient(x, weight, out[1], out[2], d_out[0])


class GroupNorm(nn.Cell):
    """Normalises each of `groups` blocks of consecutive channels over all positions.

    silu: the activation follows.
    """

    def __init__(self, groups: int, channels: int, eps: float = 1e-5, silu: bool = False) -> None:
        super().__init__()
        self.weight = Parameter(Tensor(np.ones(channels, np.float32)))
        self.bias = Parameter(Tensor(np.zeros(channels, np.float32)))
        self.norm = _make_group_norm(groups, eps, silu)

    def construct(
        self, x: Tensor, factor: Tensor | None = None, shift: Tensor | None = None
    ) -> Tensor:
        """(N, channels, *positions) of any rank -> the same shape.

        factor, shift: (N, channels), both or neither, act on the normalised values before the
        activation, as `factor * y + shift`.
        """
        gain, level = _per_sample(self.weight, x), _per_sample(self.bias, x)
        if factor is not None:
            gain, level = gain * factor, level * factor + shift
        return self.norm(x, gain, level)


class JoinedGroupNorm(nn.Cell):
    """`GroupNorm` with its affine parameters as arguments: several norms in one.

    Norms of g groups each, over tensors joined along the channels, are one norm of all the groups.
    """

    def __init__(self, groups: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.norm = _make_group_norm(groups, eps, False)

    def construct(self, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        """(N, channels, *positions) of any rank, (channels,) twice -> the shape of `x`."""
        return self.norm(x, _per_sample(weight, x), _per_sample(bias, x))


def _per_sample(parameter: Tensor, x: Tensor) -> Tensor:
    """(channels,) as (N, channels)."""
    return ops.broadcast_to(parameter.reshape(1, -1), x.shape[:2])


def _make_group_norm(groups: int, eps: float, silu: bool) -> nn.Cell:
    """The norm with its affine maps as arguments: x (N, C, ...), gain (N, C), shift (N, C)."""
    return _FusedGroupNorm(groups, eps, silu) if in_use() else _GroupNorm(groups, eps, silu)


class _GroupNorm(nn.Cell):
    """`ops.group_norm`, then gain and shift of every sample's channels."""

    def __init__(self, groups: int, eps: float, silu: bool) -> None:
        super().__init__()
        self.groups, self.eps, self.silu = groups, eps, silu

    def construct(self, x: Tensor, gain: Tensor, shift: Tensor) -> Tensor:
        c = x.shape[1]
        ones, zeros = ops.ones((c,), ms.float32), ops.zeros((c,), ms.float32)
        normed = ops.group_norm(x.astype(ms.float32), self.groups, ones, zeros, self.eps)
        shape = (*gain.shape, *(1,) * (x.ndim - 2))
        y = normed * gain.astype(ms.float32).reshape(shape) + shift.astype(ms.float32).reshape(
            shape
        )
        return (ops.silu(y) if self.silu else y).astype(x.dtype)


class _FusedGroupNorm(nn.Cell):
    """The kernel behind the same signature."""

    def __init__(self, groups: int, eps: float, silu: bool) -> None:
        super().__init__()
        self.core = _GroupNormKernel(groups, eps, silu)

    def construct(self, x: Tensor, gain: Tensor, shift: Tensor) -> Tensor:
        rows = x.reshape(*x.shape[:2], -1).astype(ms.float32)
        y = self.core(rows, gain.astype(ms.float32), shift.astype(ms.float32))[0]
        return y.reshape(x.shape).astype(x.dtype)


class _GroupNormKernel(nn.Cell):
    """(N, C, P), (N, C), (N, C) -> y and, for the gradient, mean and inverse deviation."""

    def __init__(self, groups: int, eps: float, silu: bool) -> None:
        super().__init__()
        self.options = Tensor(np.float32([groups, eps, silu]))
        self.forward = kernel(
            "group_norm", lambda x, g, s, o: (x, (x[0], groups), (x[0], groups)), 3, (groups,)
        )
        self.gradient = kernel("group_norm_gradient", lambda x, g, s, o, m, r, d: (x, g, g), 3)

    def construct(self, x: Tensor, gain: Tensor, shift: Tensor) -> tuple[Tensor, ...]:
        return self.forward(x, gain, shift, self.options)

    def bprop(self, x, gain, shift, out, d_out):
        return self.gradient(x, gain, shift, self.options, out[1], out[2], d_out[0])


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
            centred = add(rows, -mean)
            variance = self._channel_sum(centred * centred) / count
            self._update(mean, variance * (count / (count - 1)))
        else:
            centred = add(rows, -self.running_mean.reshape(1, -1, 1))
            variance = self.running_var.reshape(1, -1, 1)
        scale = ops.rsqrt(variance + self.eps) * self.weight.reshape(1, -1, 1)
        return add(multiply(centred, scale), self.bias.reshape(1, -1, 1)).reshape(x.shape)

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
