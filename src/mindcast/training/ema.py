"""Exponential moving average of the weights."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

from mindspore import Parameter, ParameterTuple, Tensor, nn, ops


def effective_decay(decay: float, update: int) -> float:
    """min(decay, (1 + k) / (10 + k)) at update k = 1, 2, ...: a random start is forgotten early."""
    return min(decay, (1 + update) / (10 + update))


class WeightAverage(nn.Cell):
    """Shadow copies s of parameters p, moved by s <- s - (1 - decay)(s - p).

    The shadows are the parameters ema.<name>, equal to p at first. Differs: the reference updates
    after every micro-batch; call this once an optimiser step.
    """

    def __init__(self, parameters: Sequence[Parameter]) -> None:
        super().__init__(auto_prefix=False)
        self.parameters = ParameterTuple(parameters)
        self.shadows = self.parameters.clone("ema", init="same")
        for shadow in self.shadows:
            shadow.requires_grad = False
        self.each = ops.HyperMap()

    def construct(self, decay: Tensor) -> Tensor:
        """One update with a scalar float32 decay, see `effective_decay`; returns the decay."""
        self.each(ops.partial(_approach, 1 - decay), self.shadows, self.parameters)
        return decay

    @contextlib.contextmanager
    def in_place(self) -> Iterator[None]:
        """Within the `with`, the parameters hold the averages; afterwards their own values."""
        kept = [parameter.asnumpy().copy() for parameter in self.parameters]
        try:
            for parameter, shadow in zip(self.parameters, self.shadows, strict=True):
                ops.assign(parameter, shadow)
            yield
        finally:
            for parameter, values in zip(self.parameters, kept, strict=True):
                ops.assign(parameter, Tensor(values))


_approach = ops.MultitypeFuncGraph("approach")


@_approach.register("Tensor", "Tensor", "Tensor")
def _approach_one(share, shadow, parameter):
    return ops.assign_sub(shadow, (shadow - parameter) * share)
