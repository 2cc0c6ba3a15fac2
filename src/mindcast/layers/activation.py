"""Activations by name."""

from __future__ import annotations

import math

from mindspore import Tensor, nn, ops

from mindcast.layers.device import on_cpu

LEAKY_SLOPE = 0.1


class Gelu(nn.Cell):
    """x Phi(x) with the normal distribution function Phi (the exact form, not the tanh one)."""

    def __init__(self) -> None:
        super().__init__()
        self.fast = _LogisticGelu() if on_cpu() else None

    def construct(self, x: Tensor) -> Tensor:
        """Elementwise; any shape."""
        return ops.gelu(x) if self.fast is None else self.fast(x)[0]


class _LogisticGelu(nn.Cell):
    """Phi(x) = sigmoid(x P(x^2)): four times faster on CPU than the error function there.

    P, of degree 5, is fitted to logit(Phi(x))/x; the largest error of x Phi(x) is 7e-7. Beyond
    |x| = 5.6 P is frozen: Phi is 0 or 1 there to 1e-8.
    """

    coefficients = (
        -1.13250144e-7,
        5.59847152e-6,
        -9.45513937e-5,
        -1.1563325524e-4,
        0.07273117612811868,
    )
    constant = 1.5957453102261328
    bound = 5.6**2

    def construct(self, x: Tensor) -> tuple[Tensor, Tensor]:
        square = ops.minimum(x * x, self.bound)
        polynomial = self.coefficients[0] * square
        for coefficient in self.coefficients[1:]:
            polynomial = (polynomial + coefficient) * square
        phi = ops.sigmoid((polynomial + self.constant) * x)
        return x * phi, phi

    def bprop(self, x, out, d_out):
        density = ops.exp(x * x * -0.5) * (1.0 / math.sqrt(2.0 * math.pi))
        return (d_out[0] * (out[1] + x * density),)


ACTIVATIONS = {
    "gelu": Gelu,
    "silu": nn.SiLU,
    "relu": nn.ReLU,
    "leaky": lambda: nn.LeakyReLU(LEAKY_SLOPE),
}


def make_activation(name: str) -> nn.Cell:
    """The activation of that name; ValueError lists the names otherwise."""
    if name not in ACTIVATIONS:
        raise ValueError(f"activation {name!r}, expected one of {', '.join(sorted(ACTIVATIONS))}")
    return ACTIVATIONS[name]()
