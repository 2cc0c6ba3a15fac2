"""The diagnostics of optimiser steps: left on the device until an interval is logged."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import mindspore as ms
from mindspore import Tensor

Saved = Sequence[tuple[int, Mapping[str, float]]]


class PendingDiagnostics:
    """Scalars by name of the steps that are not logged yet; reading them waits for their steps.

    mean_squares: the names of those whose mean is shown as its root, see `Objective`.
    """

    def __init__(self, mean_squares: Collection[str]) -> None:
        self.mean_squares = mean_squares
        self.steps: list[tuple[int, dict[str, Tensor]]] = []

    def add(self, step: int, values: dict[str, Tensor]) -> None:
        """What one step gave, counted from 0."""
        self.steps.append((step, values))

    def clear(self) -> None:
        """Begin a new interval."""
        self.steps = []

    def means(self) -> dict[str, float]:
        """Mean of every name over the steps that have it, in order of the names."""
        names = sorted({name for _, values in self.steps for name in values})
        rows = {n: [_number(values[n]) for _, values in self.steps if n in values] for n in names}
        return rooted({n: sum(row) / len(row) for n, row in rows.items()}, self.mean_squares)

    def not_finite(self) -> tuple[int, str] | None:
        """The first step and name whose value is NaN or infinite."""
        return next(
            (
                (step, name)
                for step, values in self.steps
                for name, value in values.items()
                if not math.isfinite(_number(value))
            ),
            None,
        )

    def saved(self) -> list[tuple[int, dict[str, float]]]:
        """Everything as numbers, for a checkpoint."""
        return [(step, {n: _number(v) for n, v in values.items()}) for step, values in self.steps]

    def restore(self, saved: Saved) -> None:
        """Go on from what `saved` gave."""
        self.steps = [
            (step, {name: Tensor(value, ms.float32) for name, value in values.items()})
            for step, values in saved
        ]


def rooted(means: Mapping[str, float], mean_squares: Collection[str]) -> dict[str, float]:
    """Means as people read them: the root of those of squares."""
    return {n: math.sqrt(mean) if n in mean_squares else mean for n, mean in means.items()}


def _number(value: Any) -> float:
    return float(value.asnumpy())
