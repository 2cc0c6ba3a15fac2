"""Layers that are made of kernels where there are some, each with inputs of odd sizes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import mindspore as ms
import numpy as np
from mindspore import Parameter, Tensor, nn

from mindcast.layers.activation import make_activation
from mindcast.layers.channel_norm import ChannelLayerNorm, UnitRMS
from mindcast.layers.conv_gru import ConvGRULayer
from mindcast.layers.convolution import Conv2d, Conv3d
from mindcast.layers.norm import GroupNorm, LayerNorm
from mindcast.layers.permute import make_permute
from mindcast.layers.row_gather import row_gather
from mindcast.layers.softmax import BiasedSoftmax, Softmax

Shape = tuple[int, ...]


class Scaled(nn.Cell):
    """`UnitRMS` with a gain of its own."""

    def __init__(self, channels: int, silu: bool) -> None:
        super().__init__()
        self.gain = Parameter(Tensor(np.ones((channels, 1, 1), np.float32)))
        self.unit = UnitRMS(channels, silu)

    def construct(self, x: Tensor, factor: Tensor | None = None, shift: Tensor | None = None):
        return self.unit(x, self.gain, factor, shift)


class States(nn.Cell):
    """The last state of a recurrent layer."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.layer = ConvGRULayer(channels, 3)

    def construct(self, x: Tensor) -> Tensor:
        return self.layer(x)[-1]


@dataclass(frozen=True)
class Case:
    """A layer and the shapes of its inputs; `shared` of them, the last ones, have no sample axis.

    moves: entries are copied and never computed with.
    """

    build: Callable[[], nn.Cell]
    shapes: tuple[Shape, ...]
    shared: int = 0
    moves: bool = False

    def inputs(self, seed: int = 0) -> list[np.ndarray]:
        rng = np.random.default_rng(seed)
        return [rng.normal(size=shape).astype(np.float32) for shape in self.shapes]

    def cell(self, seed: int = 1) -> nn.Cell:
        """The same weights at every call, none of them zero."""
        cell, rng = self.build(), np.random.default_rng(seed)
        for parameter in cell.get_parameters():
            values = 0.5 * rng.normal(size=parameter.shape)
            parameter.set_data(Tensor(values.astype(np.float32)))
        return cell


COPIES = np.array([2, 0, 2, 3, 0, 7, 6, 5, 1])  # of 7 rows: some twice, one never, one of zeros

CASES: dict[str, Case] = {
    "gelu": Case(lambda: make_activation("gelu"), ((3, 5, 7),)),
    "silu": Case(lambda: make_activation("silu"), ((3, 1, 37),)),
    "layer norm": Case(lambda: LayerNorm(37), ((3, 5, 37),)),
    "layer norm of rank 2": Case(lambda: LayerNorm(3), ((3, 3),)),
    "group norm": Case(lambda: GroupNorm(2, 6), ((3, 6, 5, 7),)),
    "group norm of a volume": Case(lambda: GroupNorm(3, 3, 1e-3), ((3, 3, 2, 3, 3),)),
    "group norm, silu": Case(lambda: GroupNorm(3, 6, silu=True), ((3, 6, 33), (3, 6), (3, 6))),
    "channel layer norm": Case(lambda: ChannelLayerNorm(5), ((3, 5, 3, 47),)),
    "channel layer norm of a pixel": Case(lambda: ChannelLayerNorm(5), ((3, 5, 1, 1),)),
    "unit rms": Case(lambda: Scaled(5, False), ((3, 5, 3, 11),)),
    "unit rms, silu": Case(lambda: Scaled(3, True), ((3, 3, 3, 47), (3, 3), (3, 3))),
    "softmax": Case(lambda: Softmax(0.7), ((3, 2, 5, 37),)),
    "biased softmax": Case(lambda: BiasedSoftmax(0.7), ((3, 2, 5, 19), (2, 5, 19)), 1),
    "row gather": Case(lambda: row_gather(COPIES, 7), ((3, 7, 5),), moves=True),
    "turned rows": Case(lambda: make_permute(0, 2, 1), ((3, 33, 17),), moves=True),
    "turned axes": Case(lambda: make_permute(0, 3, 1, 4, 2), ((3, 2, 1, 5, 3),), moves=True),
    "convolution": Case(lambda: Conv2d(3, 7, 3, padding=1), ((3, 3, 5, 7),)),
    "convolution of vectors": Case(lambda: Conv2d(3, 7, 3, padding=1), ((3, 3, 3, 32),)),
    "convolution to many": Case(lambda: Conv2d(12, 70, 3, padding=1), ((3, 12, 9, 16),)),
    "convolution of pixels": Case(lambda: Conv2d(5, 2, 1, bias=False), ((3, 5, 1, 1),)),
    "convolution of volumes": Case(lambda: Conv3d(2, 3, 3, padding=1), ((3, 2, 3, 4, 5),)),
    "recurrent convolution": Case(lambda: States(3), ((3, 2, 3, 5, 6),)),
}
SEED_OF_COTANGENT = 9


def outcome(case: Case, arrays: list[np.ndarray], compiled: bool = False) -> list[np.ndarray]:
    """Result, and gradients for inputs and parameters of a weighted sum of it."""
    cell = case.cell()
    tensors = [Tensor(array) for array in arrays]
    shape = cell(*tensors).shape
    weights = np.random.default_rng(SEED_OF_COTANGENT).normal(size=shape)
    fixed = Tensor(weights.astype(np.float32))

    def loss(*inputs):
        y = cell(*inputs)
        return (y.astype(ms.float32) * fixed).sum(), y

    parameters = cell.trainable_params()
    positions = tuple(range(len(tensors)))
    step: Any = ms.value_and_grad(loss, positions, parameters or None, has_aux=True)
    (_, y), gradients = (ms.jit(step) if compiled else step)(*tensors)
    of_inputs, of_parameters = gradients if parameters else (gradients, ())
    return [tensor.asnumpy() for tensor in (y, *of_inputs, *of_parameters)]
