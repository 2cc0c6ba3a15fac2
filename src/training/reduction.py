"""Adding up over processes what each computed from its share of a batch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mindspore import Tensor, ops

from src.runtime.parallel import World, add_up


class SumOverProcesses:
    """Sums of tensors over the processes of a world, as one vector: few messages, not many.

    jit: how functions of tensors are compiled, or left as they are.
    """

    def __init__(self, world: World, jit: Callable[[Any], Any]) -> None:
        self.world = world
        self.flat, self.apart = jit(_flat), jit(_apart)

    def __call__(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        """The same shapes in the same order."""
        if self.world.size == 1:
            return tensors
        # between the two graphs: inside one, messages might leave in another order than elsewhere
        return tuple(self.apart(add_up(self.flat(*tensors)), *tensors))


def _flat(*tensors):
    return ops.cat([tensor.reshape(-1) for tensor in tensors])


def _apart(vector, *tensors):
    parts, first = (), 0
    for tensor in tensors:
        parts = (*parts, vector[first : first + tensor.size].reshape(tensor.shape))
        first += tensor.size
    return parts
