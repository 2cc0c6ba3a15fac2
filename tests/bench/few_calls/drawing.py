"""Forecasts of a run's cases by any sampler, in one process: networks are compiled once."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mindcast.refusal import Refusal
from tests.bench.few_calls.plans import FULL, OWN, Way, alone


@dataclass(frozen=True)
class Comparison:
    """What all rows have in common: cases evenly over the split, members, rows that the networks
    take at once, changes of settings (`key.path=value`)."""

    split: str
    cases: int
    members: int
    batch: int
    changes: tuple[str, ...] = ()


class Drawer:
    """The first ensemble of a trained model, drawn in one way after the other.

    own: with the run's own settings instead of the network alone. The networks are those in its
    folder. Nothing is written there.
    Refusal for a run without an ensemble.
    """

    def __init__(self, run: Path, of: Comparison, own: bool) -> None:
        from mindcast.data import open_split
        from mindcast.data.base import checked
        from mindcast.forecasting import open_forecasting
        from mindcast.runtime import device
        from mindcast.tasks import load_task
        from mindcast.trained import find_trained

        changes = [f"evaluation.split={of.split}", f"sampling.members={of.members}", *of.changes]
        own_networks = run / "checkpoints"
        if own_networks.is_dir():  # not those that its training began with, which it names too
            changes.append(f"ckpt_path={own_networks}")
        model = find_trained(run, changes).settings.model.name
        found = find_trained(run, changes if own else [*changes, *alone(model)])
        self.settings, self.members = found.settings, of.members
        self.window = found.spec.window(self.settings.model)
        self.samples = open_split(self.settings.data, of.split, self.window)
        device.start("CPU", 0, self.settings.runtime)
        self.forecaster = open_forecasting(
            found.spec, self.settings, found.files, of.batch
        ).forecaster
        drawn = [m for m in self.forecaster.methods if m not in self.forecaster.deterministic]
        if not drawn:
            raise Refusal(f"{run}: has no trained ensemble; train the stage that draws members")
        self.method, self.kind = drawn[0], load_task(found.spec.task)
        count = min(of.cases, len(self.samples))
        chosen = np.linspace(0, len(self.samples) - 1, count).round().astype(int).tolist()
        self.cases = [(i, checked(self.samples, i), int(self.samples.keys[i])) for i in chosen]

    def known(self, way: Way) -> Way:
        """A way with what only the run knows: the levels of its process, its own sampling.

        Refusal for one that the model cannot go.
        """
        if way.setting == OWN:
            own = self.settings.sampling
            way = Way(own.sampler, own.spacing, own.steps, OWN)
        elif way.sampler == FULL and not way.calls:
            way = Way(FULL, way.spacing, self.settings.model.diffusion.timesteps)
        self._plan(way)
        return way

    def _plan(self, way: Way) -> Any:
        own = self.settings.sampling
        update = {"sampler": way.sampler, "spacing": way.spacing, "steps": way.calls}
        if way.setting != OWN:
            update["eta"] = 0.0
        return self.settings.model.diffusion.plan(own.model_copy(update=update))

    def scored(self, way: Way, seed: int) -> tuple[Mapping[str, Any], float, float]:
        """The result of the task's scores; wall and CPU seconds of drawing all members."""
        from mindcast.samples import stacked

        self.forecaster.sampler.plan = self._plan(way)
        task = self.kind(self.samples, self.settings, self.window, (self.method,))
        begun = time.perf_counter(), time.process_time()
        drawn = self.forecaster.forecast(
            self.method,
            stacked([sample for _, sample, _ in self.cases]).input,
            [key for _, _, key in self.cases],
            self.members,
            seed=seed,
        )
        seconds, cpu_seconds = time.perf_counter() - begun[0], time.process_time() - begun[1]
        for (number, sample, _), members in zip(self.cases, drawn, strict=True):
            case = task.case(number, sample)
            case.forecasts[self.method] = members
            task.score(case)
        return task.suite.result(), seconds, cpu_seconds
