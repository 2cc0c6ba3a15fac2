"""Starting values of weights, drawn with NumPy so that large networks are built in seconds.

Every array gets its own generator, keyed by NumPy's global stream, which `mindspore.set_seed`
resets: two builds after the same `set_seed` start from the same weights.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import mindspore as ms
import numpy as np
from mindspore import Tensor, nn
from mindspore.common.initializer import Zero
from mindspore.nn.utils import no_init_parameters

_drawn = True  # whether values are drawn; `without_values` alone changes it


@contextmanager
def without_values() -> Iterator[None]:
    """Networks built inside have names and shapes only: nothing is drawn, no memory is taken."""
    global _drawn
    before, _drawn = _drawn, False
    try:
        with no_init_parameters():
            yield
    finally:
        _drawn = before


def zeros(shape: Sequence[int]) -> Tensor:
    """All zero, float32."""
    return Tensor(np.zeros(shape, np.float32)) if _drawn else _placeholder(shape)


def normal(shape: Sequence[int], std: float) -> Tensor:
    """Normal with mean 0.

    Differs: where the reference truncates at +-2, this does not; its std there is 0.02, so the
    bound lies 100 deviations out.
    """
    if not _drawn:
        return _placeholder(shape)
    values = _generator().standard_normal(tuple(shape), np.float32)
    values *= np.float32(std)
    return Tensor(values)


def uniform_fan_in(shape: Sequence[int], fan_in: int) -> Tensor:
    """Uniform in +-1/sqrt(fan_in), PyTorch's default for weights and biases."""
    if not _drawn:
        return _placeholder(shape)
    bound = 1.0 / math.sqrt(fan_in)
    values = _generator().random(tuple(shape), np.float32)
    values *= np.float32(2 * bound)
    values -= np.float32(bound)
    return Tensor(values)


def start_uniform(layer: nn.Cell, fan_in: int) -> None:
    """Reset a layer of MindSpore, with `weight` and perhaps `bias`, to `uniform_fan_in`.

    Values that are handed to its constructor it would keep a second time, as an attribute.
    """
    layer.weight.set_data(uniform_fan_in(layer.weight.shape, fan_in))
    if layer.has_bias:
        layer.bias.set_data(uniform_fan_in(layer.bias.shape, fan_in))


def start_normal(layer: nn.Cell) -> nn.Cell:
    """Reset a layer (`weight` (out, in, ...), maybe `bias`) to normal(0, 1/fan_in) and bias 0."""
    shape = layer.weight.shape
    layer.weight.set_data(normal(shape, 1.0 / math.sqrt(math.prod(shape[1:]))))
    return clear_bias(layer)


def start_kaiming(layer: nn.Cell, slope: float) -> nn.Cell:
    """Reset a convolution to normal weights that keep a gradient's scale (He et al. 2015), bias 0.

    Their variance is 2 / ((1 + slope^2) fan_out), for a leaky ReLU of that slope.
    """
    shape = layer.weight.shape
    fan_out = shape[0] * math.prod(shape[2:])
    layer.weight.set_data(normal(shape, math.sqrt(2.0 / ((1.0 + slope * slope) * fan_out))))
    return clear_bias(layer)


def start_zero(layer: nn.Cell) -> nn.Cell:
    """Reset a layer to zero output, so that a residual branch ending in it starts as nothing."""
    layer.weight.set_data(zeros(layer.weight.shape))
    return clear_bias(layer)


def clear_bias(layer: nn.Cell) -> nn.Cell:
    """Reset the bias of a layer, if it has one, to 0."""
    if getattr(layer, "bias", None) is not None:
        layer.bias.set_data(zeros(layer.bias.shape))
    return layer


def _placeholder(shape: Sequence[int]) -> Tensor:
    return Tensor(shape=tuple(shape), dtype=ms.float32, init=Zero())


def _generator() -> np.random.Generator:
    # Four words of the global stream: distinct arrays get unrelated generators.
    return np.random.default_rng(np.random.randint(0, 2**31 - 1, size=4))
