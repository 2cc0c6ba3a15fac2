"""Compiles every graph of one model in its smoke settings: `python -m ... MODEL`.

A program of its own: what MindSpore saves of graphs is asked for before it is imported. It prints
why a graph could not be described, and so could not be kept for other processes.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any

from mindspore import Tensor

from mindcast import compiled
from mindcast.graphs.contents import Unknown, describe
from mindcast.training.train_step import ObjectiveStep
from tests.contract.models import (
    batch,
    build_networks,
    build_stage,
    forecaster_of,
    input_and_truth,
    phases,
    settings_of,
    spec_of,
)

NOT_KEPT = "not kept:"


def compile_all(model: str) -> None:
    """One training step of every phase of every stage, one forecast of every method."""
    stages = spec_of(model).stages
    for name in stages:
        stage, _, frozen, objectives = build_stage(model, name)
        options = settings_of(model).training[name]
        inputs = batch(model, stage, frozen)
        for objective, first in phases(objectives):
            step = ObjectiveStep(objective, options, (), graph=True, frozen=(*frozen.values(),))
            step.run(first, [inputs], 1e-3)
    forecaster = forecaster_of(model, build_networks(model, stages), compiled=True)
    given, truth = input_and_truth(model)
    for method in forecaster.methods:
        forecaster.forecast(method, given, (0,), 2, truth)


def described(_: Any, parts: Any, inner: Callable[..., Any], tensors: Sequence[Tensor]) -> Any:
    """In the place of a graph's first call: says if it cannot be described."""
    try:
        describe(parts, tensors)
    except Unknown as error:
        print(f"{NOT_KEPT} {error}")
    return inner(*tensors)


if __name__ == "__main__":
    compiled._first = described
    compile_all(sys.argv[1])
