"""Compiles every graph of one model in its smoke settings: `python -m ... MODEL`.

A program of its own: what MindSpore saves of graphs is asked for before it is imported.
"""

from __future__ import annotations

import sys

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


if __name__ == "__main__":
    compile_all(sys.argv[1])
