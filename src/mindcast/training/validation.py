"""Mean diagnostics of a loss over the validation split."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from mindspore import nn

from mindcast.compiled import arguments, compiled
from mindcast.data.pipeline import Batch, Batches
from mindcast.runtime.parallel import World
from mindcast.samples import Named, Sample

Complete = Callable[[Batch, int], Named]  # of a batch and its number, what losses take


class Validation:
    """The split, the same at every pass, and a compiled evaluator of each loss cell.

    limit: at most so many batches; 0: all. world: the processes that share the batches.
    first: the first sample that this process saw in the last pass, a batch of one.
    """

    def __init__(
        self, batches: Batches, complete: Complete, limit: int, graph: bool, world: World
    ) -> None:
        self.batches, self.complete, self.graph, self.world = batches, complete, graph, world
        self.first: Sample[Any] | None = None
        self.count = min(batches.batches_per_epoch, limit or batches.batches_per_epoch)
        self.evaluators: dict[int, Any] = {}

    def means(self, cell: nn.Cell) -> dict[str, float]:
        """Mean over the samples of every diagnostic of a loss cell, which is left in evaluation
        mode. A mean square comes as it is."""
        cell.set_train(False)
        evaluate = self._evaluator(cell)
        sizes = np.zeros(self.count)
        values = np.zeros((self.count, len(cell.diagnostic_names)))
        rank, processes = self.world.rank, self.world.size
        batches = self.batches.epoch(0, rank, processes)
        for number, batch in zip(range(rank, self.count, processes), batches, strict=False):
            keys, sample = batch
            if number == rank:
                self.first = sample.cases(slice(0, 1))
            sizes[number] = len(keys)
            found = evaluate(*arguments(cell, self.complete(batch, number)))
            values[number] = [float(value.asnumpy()) for value in found]
        sizes, values = self.world.sum(sizes), self.world.sum(values)  # every row from one process
        means = (sizes @ values / sizes.sum()).tolist()
        return dict(zip(cell.diagnostic_names, means, strict=True))

    def _evaluator(self, cell: nn.Cell) -> Any:
        """The diagnostics alone, as a function of its own: compiled it keeps the mode it first
        saw."""
        if id(cell) not in self.evaluators:

            def diagnostics(*inputs: Any) -> Any:
                return cell(*inputs)[1]

            self.evaluators[id(cell)] = compiled(diagnostics, self.graph, cell)
        return self.evaluators[id(cell)]
