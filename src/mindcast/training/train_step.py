"""One optimiser step of one objective: gradients, accumulation, clipping, update, average.

The order is fixed here and nowhere else: mean of the micro-batch gradients of all processes,
clipping by the global norm, decoupled decay and Adam, exponential average of the weights. In
float16 the loss is scaled before and the gradients after; a step that overflows ends there.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any

import mindspore as ms
from mindspore import Parameter, Tensor, nn

from mindcast.compiled import arguments, compiled
from mindcast.config.schema import StageTraining
from mindcast.models.base import Objective
from mindcast.runtime.parallel import ALONE, World
from mindcast.samples import Named
from mindcast.training.ema import WeightAverage, effective_decay
from mindcast.training.loss_scale import LossScale
from mindcast.training.optimiser import AdamW, added, clipping
from mindcast.training.reduction import summed_over_processes


class ObjectiveStep:
    """Optimisers, moments and averaged weights of one `Objective`.

    graph: compile everything that repeats. averaged: the parameters that get an
    exponential average (empty: none). frozen: networks inside the losses that stay in evaluation
    mode. world: the processes that share the micro-batches of a step. scaled: whether the loss is
    scaled, see `LossScale`.
    """

    def __init__(
        self,
        objective: Objective,
        training: StageTraining,
        averaged: Sequence[Parameter],
        graph: bool,
        frozen: Sequence[nn.Cell] = (),
        world: World = ALONE,
        scaled: bool = False,
    ) -> None:
        self.objective, self.graph, self.frozen = objective, graph, frozen
        start = training.loss_scale if scaled else 1.0
        self.loss_scale = LossScale(start, training.loss_scale_growth_steps, scaled)
        self.betas = training.betas
        self.optimisers = nn.CellList(_optimisers(objective, training), auto_prefix=False)
        self.average = WeightAverage(averaged) if averaged else None
        self.ema_decay = training.ema_decay
        self.gradient_functions: dict[int, Any] = {}
        update = Update(self.optimisers, self.average, training.clip_norm)
        self.apply = compiled(update, graph)
        self.add = compiled(_add, graph)
        self.world = world

    def cell_at(self, step: int) -> nn.Cell | None:
        """The loss cell in force at this optimiser step; None while the objective is inactive."""
        begun = [cell for first, cell in self.objective.phases if first <= step]
        return begun[-1] if begun else None

    def run(
        self, step: int, batches: Sequence[Named], learning_rate: float
    ) -> dict[str, Tensor] | None:
        """Minimise once; diagnostics (means over micro-batches) and the gradient norm, by name.

        batches: this process's share, arrays by name; the means are over all. The values stay on
        the device: reading them waits for the step to end. Where the loss is scaled they have the
        scale among them, and a step that overflowed gives that alone: it moves nothing.
        """
        cell = self.cell_at(step)
        if cell is None:
            return None
        cell.set_train(True)
        for network in self.frozen:
            network.set_train(False)
        gradients, sums = self._sums(cell, batches)
        about: dict[str, Tensor] = {}
        count = len(batches) * self.world.size
        scalars = self._scalars(step, count * self.loss_scale.value, learning_rate)
        if self.loss_scale.active:
            about = {"loss_scale": Tensor(self.loss_scale.value, ms.float32)}
            overflowed = self._overflowed(gradients)
            self.loss_scale.settle(overflowed)
            if overflowed:
                return about
        norm = self.apply(*scalars, *gradients)
        named = {n: v / count for n, v in zip(cell.diagnostic_names, sums, strict=True)}
        return {**named, "gradient_norm": norm, **about}

    def _sums(
        self, cell: nn.Cell, batches: Sequence[Named]
    ) -> tuple[Sequence[Tensor], Sequence[Tensor]]:
        """Gradients, still scaled, and diagnostics, summed over the micro-batches of all."""
        differentiate = self._gradient_function(cell)
        scale = [Tensor(self.loss_scale.value, ms.float32)] if self.loss_scale.active else []
        total: Sequence[Tensor] = ()
        for batch in batches:
            values, gradients = differentiate(*scale, *arguments(cell, batch))
            found = [*gradients, *_flat(values[1:])]
            total = self.add(*total, *found) if total else found
        total = summed_over_processes(self.world, total)
        return total[: len(gradients)], total[len(gradients) :]

    def _overflowed(self, gradients: Sequence[Tensor]) -> bool:
        """Whether any entry is not finite, in any process: a device may tell by a flag of its own
        that only the process sees where it was raised."""
        found = not bool(ms.amp.all_finite(tuple(gradients)).asnumpy())
        return self.world.any(found)[0]

    def state(self) -> list[Parameter]:
        """Every parameter that the next step depends on: weights, statistics, moments, averages."""
        inside = [p for _, cell in self.objective.phases for p in cell.get_parameters()]
        shadows = list(self.average.shadows) if self.average else []
        moments = [p for optimiser in self.optimisers for p in optimiser.state()]
        return [*inside, *moments, *shadows]

    def _scalars(self, step: int, count: float, learning_rate: float) -> list[Tensor]:
        # Adam and the average count the steps that moved something, from their first
        own_step = step - self.objective.phases[0][0] + 1 - self.loss_scale.skipped
        beta1, beta2 = self.betas
        values = (
            1.0 / count,
            learning_rate,
            beta1**own_step,
            beta2**own_step,
            effective_decay(self.ema_decay, own_step),
        )
        return [Tensor(v, ms.float32) for v in values]

    def _gradient_function(self, cell: nn.Cell) -> Any:
        if id(cell) not in self.gradient_functions:
            weights = ms.ParameterTuple(self.objective.parameters)

            def scaled_loss(scale, *inputs):
                loss, diagnostics = cell(*inputs)
                return loss * scale, diagnostics

            function = scaled_loss if self.loss_scale.active else cell
            differentiate = ms.value_and_grad(function, None, weights, has_aux=True)
            self.gradient_functions[id(cell)] = compiled(differentiate, self.graph, cell)
        return self.gradient_functions[id(cell)]


class Update(nn.Cell):
    """The weights of one objective moved by their gradients, and what goes along with them.

    A cell of its own, of nothing but what the graph needs: a later run finds it by that.
    """

    def __init__(self, optimisers: nn.CellList, average: WeightAverage | None, limit: float):
        super().__init__(auto_prefix=False)
        self.optimisers, self.average, self.limit = optimisers, average, limit

    def construct(self, scale, learning_rate, beta1_power, beta2_power, ema_decay, *gradients):
        """The norm of the gradients, which come one by one: jit takes a tuple for a constant and
        would compile at every call. scale: brings their sums to means."""
        factor, norm = clipping(gradients, self.limit, scale)
        first = 0
        for optimiser in self.optimisers:
            last = first + len(optimiser.parameters)
            optimiser(gradients[first:last], learning_rate, beta1_power, beta2_power, factor)
            first = last
        if self.average is not None:
            self.average(ema_decay)
        return norm


def _optimisers(objective: Objective, training: StageTraining) -> list[AdamW]:
    """One for each run of parameters that share a rate, in the parameters' order."""
    decay = training.weight_decay if training.optimizer == "adamw" else 0.0
    factors = objective.rate_factors or [1.0] * len(objective.parameters)
    rated = zip(factors, objective.parameters, strict=True)
    return [
        AdamW(
            [parameter for _, parameter in run],
            training.betas,
            weight_decay=decay,
            prefix=objective.name,
            rate_factor=factor,
        )
        for factor, run in groupby(rated, key=itemgetter(0))
    ]


def _add(*gradients):
    half = len(gradients) // 2
    return added(gradients[:half], gradients[half:])


def _flat(values: Sequence[Any]) -> list[Tensor]:
    """Diagnostics as one list: has_aux may hand the tuple back nested or unpacked."""
    flat: list[Tensor] = []
    for value in values:
        flat.extend(value if isinstance(value, (tuple, list)) else [value])
    return flat
