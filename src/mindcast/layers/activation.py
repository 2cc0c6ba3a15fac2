"""Activations by name."""

from __future__ import annotations

import mindspore as ms
from mindspore import Tensor, nn, ops

from mindcast.kernels.operators import in_use, kernel

LEAKY_SLOPE = 0.1


class Gelu(nn.Cell):
    """x Phi(x) with the normal distribution function Phi (the exact form, not the tanh one)."""

    def __init__(self) -> None:
        super().__init__()
        self.fused = _Fused("gelu") if in_use() else None

    def construct(self, x: Tensor) -> Tensor:
        """Elementwise; any shape."""
        return ops.gelu(x) if self.fused is None else self.fused(x)


class Silu(nn.Cell):
    """x / (1 + exp(-x))."""

    def __init__(self) -> None:
        super().__init__()
        self.fused = _Fused("silu") if in_use() else None

    def construct(self, x: Tensor) -> Tensor:
        """Elementwise; any shape."""
        return ops.silu(x) if self.fused is None else self.fused(x)


class _Fused(nn.Cell):
    """The kernel of an elementwise function, which is differentiable once."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.function = kernel(name, lambda x: x)
        self.gradient = kernel(f"{name}_gradient", lambda x, dy: x)

    def construct(self, x: Tensor) -> Tensor:
        return self.function(x.astype(ms.float32)).astype(x.dtype)

    def bprop(self, x, out, d_out):
        dx = self.gradient(x.astype(ms.float32), d_out.astype(ms.float32))
        return (dx.astype(x.dtype),)


class LeakyRelu(nn.Cell):
    """x, times `slope` where it is negative (Maas et al. 2013)."""

    def __init__(self, slope: float) -> None:
        super().__init__()
        self.slope = slope

    def construct(self, x: Tensor) -> Tensor:
        """Elementwise; any shape."""
        return leaky_relu(x, self.slope)


def leaky_relu(x: Tensor, slope: float) -> Tensor:
    """As `LeakyRelu`; the gradient of `ops.leaky_relu` divides, which on CPU keeps a table."""
    return slope * x + (1.0 - slope) * ops.relu(x)


ACTIVATIONS = {
    "gelu": Gelu,
    "silu": Silu,
    "relu": nn.ReLU,
    "leaky": lambda: LeakyRelu(LEAKY_SLOPE),
}


def make_activation(name: str) -> nn.Cell:
    """The activation of that name; ValueError lists the names otherwise."""
    if name not in ACTIVATIONS:
        raise ValueError(f"activation {name!r}, expected one of {', '.join(sorted(ACTIVATIONS))}")
    return ACTIVATIONS[name]()
