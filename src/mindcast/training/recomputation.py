"""Blocks whose inside is computed again for the gradient (Chen et al. 2016, sublinear memory).

`Cell.recompute` marks operators, and in a graph it passes over cells with a gradient of their own,
of which norms, activations and linear maps are made on the CPU: they would keep as much as before,
or more. So here the whole block is a cell with a gradient of its own, which begins with the block.
"""

from __future__ import annotations

import copy
from typing import Any

import mindspore as ms
from mindspore import Tensor, nn, ops


class Recomputed(nn.Cell):
    """A block of which a graph keeps the inputs only.

    It must give the same at every call, and inputs that are left out must be the last ones.
    """

    def __init__(self, block: nn.Cell) -> None:
        super().__init__(auto_prefix=False)
        self.core = _Again(block)
        self.weights = ms.ParameterTuple(block.trainable_params())

    def construct(self, *inputs: Tensor | None) -> Any:
        """What the block gives."""
        given = ()
        for tensor in inputs:
            if tensor is not None:
                given = (*given, tensor)
        return self.core(given, self.weights)


class _Again(nn.Cell):
    """The weights are an argument as well: a gradient of one's own reaches arguments alone."""

    def __init__(self, block: nn.Cell) -> None:
        super().__init__(auto_prefix=False)
        self.block = block
        weights = ms.ParameterTuple(block.trainable_params())
        self.gradient = ms.grad(_Along(_twin(block)), 0, weights)

    def construct(self, inputs: tuple[Tensor, ...], weights: tuple[Tensor, ...]) -> Any:
        # an argument that nothing depends on would be dropped, and its gradient with it
        return ops.depend(self.block(*inputs), weights)

    def bprop(self, inputs, weights, out, d_out):
        # after d_out is there, so that the compiler does not take the first pass for this one
        return self.gradient(ops.depend(inputs, d_out), d_out)


def _twin(block: nn.Cell) -> nn.Cell:
    """Another cell of the same parameters: the compiler mixes up two uses of one."""
    parts = [part for _, cell in block.cells_and_names() for part in vars(cell).values()]
    shared = [part for part in parts if isinstance(part, Tensor | ops.Primitive)]
    return copy.deepcopy(block, {id(part): part for part in (*block.get_parameters(), *shared)})


class _Along(nn.Cell):
    """<block(inputs), direction>, whose gradient is the block's for a gradient of its outputs."""

    def __init__(self, block: nn.Cell) -> None:
        super().__init__(auto_prefix=False)
        self.block = block

    def construct(self, inputs: tuple[Tensor, ...], direction: Any) -> Tensor:
        outputs = self.block(*inputs)
        if not isinstance(outputs, tuple):
            return (outputs * direction).sum(axis=-1).sum()
        total = 0.0
        for k in range(len(outputs)):
            total = total + (outputs[k] * direction[k]).sum(axis=-1).sum()
        return total


def recompute(network: nn.Cell, kinds: tuple[type[nn.Cell], ...], graph: bool) -> int:
    """Have the outermost cells of some kinds computed again; how many there are.

    graph: whether the training is compiled. Operator by operator `Cell.recompute` serves as it is.
    Parameters keep their names. What only a hidden state decides (MindSpore's dropout) or what
    moves one (running statistics) must not be among them, and is not in any block here. To be
    called when nobody walks the network's cells by their paths any more.
    """
    names = {id(parameter): parameter.name for parameter in network.get_parameters()}
    count = _wrap_within(network, kinds, graph)
    for parameter in network.get_parameters():  # a new place gives new names
        parameter.name = names[id(parameter)]
    return count


def _wrap_within(cell: nn.Cell, kinds: tuple[type[nn.Cell], ...], graph: bool) -> int:
    count = 0
    for name, child in cell.name_cells().items():
        if not isinstance(child, kinds):
            count += _wrap_within(child, kinds, graph)
        elif child.trainable_params():
            count += 1
            if graph:
                _put(cell, name, Recomputed(child))
            else:
                child.recompute(use_reentrant=False)
    return count


def _put(cell: nn.Cell, name: str, child: nn.Cell) -> None:
    if isinstance(cell, nn.CellList):
        cell[int(name)] = child
    else:
        setattr(cell, name, child)
