"""Trains one stage of one model: data in order, steps, validation, checkpoints, resume."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import mindspore as ms
import numpy as np
from mindspore import Tensor, nn

from mindcast.config.schema import RunSettings
from mindcast.data.pipeline import Batches
from mindcast.models.base import ModelSpec, Stage
from mindcast.refusal import Refusal
from mindcast.runtime.interrupts import Interrupts
from mindcast.runtime.parallel import ALONE, World
from mindcast.runtime.run_folder import RunFolder, network_path, state_path
from mindcast.training import checkpoint
from mindcast.training.micro_batches import micro_batches
from mindcast.training.progress import Progress, Silence
from mindcast.training.schedule import learning_rate
from mindcast.training.train_step import MicroBatch, ObjectiveStep

RUNNING = ("running_mean", "running_var")  # of `mindcast.layers.norm.BatchNorm`
SAVE_EVERY_SECONDS = 600.0  # what a killed machine may cost at most


@dataclass
class Position:
    """How far a stage has come: optimiser steps done and the best validation value so far."""

    step: int = 0
    best: float = math.inf
    best_step: int = 0


@dataclass
class Trainer:
    """One stage in training.

    frozen: networks of the stages it requires, not trainable, in evaluation mode.
    world: the processes that share the work; the numbers are those of one process that accumulates
    all micro-batches, but for rounding and for the running statistics of batch norms, which are the
    leader's. Only the leader writes.
    """

    spec: ModelSpec
    settings: RunSettings
    stage_name: str
    folder: RunFolder
    train: Batches
    validation: Batches
    frozen: Mapping[str, nn.Cell]
    world: World = ALONE
    position: Position = field(default_factory=Position)
    pending: list[tuple[int, dict[str, Tensor]]] = field(default_factory=list)  # not logged yet

    def __post_init__(self) -> None:
        model = self.settings.model
        self.stage: Stage = self.spec.stages[self.stage_name]
        self.options = self.settings.training[self.stage_name]
        self.accumulate = micro_batches(
            self.stage_name, self.options, len(self.train.samples), self.world.size
        )
        self.network = self.stage.build_network(model)
        objectives = self.stage.build_objectives(model, self.network, self.frozen)
        compiled = self.settings.runtime.mode == "graph"
        self.steps = [self._objective_step(o, compiled) for o in objectives]
        self.compiled = compiled
        self.validators: dict[int, Any] = {}
        self.total = self._total_steps()

    # -- the loop ---------------------------------------------------------------------------

    def run(self) -> None:
        """Train to the last step. Stops, with the state kept, on SIGINT and SIGTERM."""
        if self.position.step == 0:
            self._calibrate()
        self.world.share(self._state())
        last_save = time.monotonic()
        with Interrupts() as interrupts, self._progress() as progress:
            for step, batches in self._batches():
                self.pending.append((step, self._optimise(step, batches)))
                self.position.step = done = step + 1
                progress.advance()
                is_last = done == self.total
                if done % self.options.log_every_steps == 0 or is_last:
                    progress.status(done, {**self._means(), "learning_rate": self._rate(step)})
                    self.pending = []
                validates = self._validates(done) or is_last
                overdue = time.monotonic() - last_save > SAVE_EVERY_SECONDS
                asked, overdue = self.world.any(interrupts.asked, overdue)
                if validates or asked or overdue:
                    self._require_finite()
                    if validates:
                        self._validate(progress)
                    self.save_state()
                    last_save = time.monotonic()
                if asked:
                    raise KeyboardInterrupt(
                        f"Stage {self.stage_name} is saved at step {done}/{self.total}; "
                        f"continue with --out {self.folder.path} --resume"
                    )
        self.world.wait()  # the next stage reads what the leader wrote

    def _calibrate(self) -> None:
        if self.stage.calibrate is not None:
            samples = (arrays for _, arrays in self.train.epoch(0))
            self.stage.calibrate(self.settings.model, self.network, self.frozen, samples)

    def _optimise(self, step: int, batches: list[MicroBatch]) -> dict[str, Tensor]:
        values: dict[str, Tensor] = {}
        for objective in self.steps:
            result = objective.run(step, batches, self._rate(step))
            if result is not None:
                prefix = f"{objective.objective.name}/" if len(self.steps) > 1 else ""
                values |= {prefix + name: value for name, value in result.items()}
        return values

    def _batches(self) -> Iterator[tuple[int, list[MicroBatch]]]:
        """(step, own micro-batches) from here to the end, in the order of the seed."""
        rank, processes = self.world.rank, self.world.size
        per_epoch = self.train.batches_per_epoch // self.accumulate
        step = self.position.step
        while step < self.total:
            epoch, within = divmod(step, per_epoch)
            source = self.train.epoch(epoch, within * self.accumulate + rank, processes)
            for _ in range(within, per_epoch):
                if step == self.total:
                    return
                numbers = range(rank, self.accumulate, processes)
                yield step, [self._with_draws(next(source)[1], step, k) for k in numbers]
                step += 1

    def _with_draws(self, arrays: MicroBatch, step: int, micro: int) -> MicroBatch:
        rng = self._generator(0, step, micro)
        return (*arrays, *self.stage.draw(self.settings.model, rng, len(arrays[0])))

    def _generator(self, *key: int) -> np.random.Generator:
        stage_number = list(self.spec.stages).index(self.stage_name)
        return np.random.default_rng([self.settings.runtime.seed, stage_number, *key])

    # -- validation -------------------------------------------------------------------------

    def _validate(self, progress: Progress | Silence) -> None:
        self.world.share(p for p in self._state() if p.name.endswith(RUNNING))
        with self._averaged_weights():
            values = self.validate()
            for name, found in values.items():
                if not math.isfinite(found):
                    raise self._not_finite(self.position.step, f"validation/{name}")
            value = values[self.stage.monitor]
            is_best = value < self.position.best
            progress.validation(self.position.step, values, is_best)
            if is_best:
                self.position.best, self.position.best_step = value, self.position.step
                self._save_network("best")
            self._save_network("last")
            self._preview(progress)

    def validate(self) -> dict[str, float]:
        """Mean diagnostics over the validation split; the same random draws every time."""
        cell = self.steps[0].cell_at(self.position.step - 1)
        cell.set_train(False)
        evaluate = self.validators.setdefault(id(cell), _evaluator(cell, self.compiled))
        count = self.validation.batches_per_epoch
        count = min(count, self.options.validation_batches or count)
        sizes, values = np.zeros(count), np.zeros((count, len(cell.diagnostic_names)))
        rank, processes = self.world.rank, self.world.size
        batches = self.validation.epoch(0, rank, processes)
        for number, (_, arrays) in zip(range(rank, count, processes), batches, strict=False):
            sizes[number] = len(arrays[0])
            draws = self.stage.draw(self.settings.model, self._generator(1, number), len(arrays[0]))
            found = evaluate(*[Tensor(a) for a in (*arrays, *draws)])
            values[number] = [float(v.asnumpy()) for v in found]
        sizes, values = self.world.sum(sizes), self.world.sum(values)  # every row from one process
        means = (sizes @ values / sizes.sum()).tolist()
        return {n: _shown(n, mean) for n, mean in zip(cell.diagnostic_names, means, strict=True)}

    def _preview(self, progress: Progress | Silence) -> None:
        if self.stage.preview is None or not self.world.is_leader:
            return
        _, arrays = next(self.validation.epoch(0))
        first = [array[:1] for array in arrays]
        rows = self.stage.preview(self.settings.model, self.network, self.frozen, *first)
        progress.pictures(self.position.step, rows)

    # -- checkpoints ------------------------------------------------------------------------

    def save_state(self) -> None:
        """Everything a resumed run needs, in one file, replaced atomically."""
        if not self.world.is_leader:
            return
        path = state_path(self.folder.checkpoints, self.stage_name)
        pending = [
            (step, {name: float(value.asnumpy()) for name, value in values.items()})
            for step, values in self.pending
        ]
        checkpoint.save(path, self._state(), {**self._information(), "pending": pending})

    def restore(self) -> None:
        """Go on where the last state of this stage was saved, if there is one."""
        path = state_path(self.folder.checkpoints, self.stage_name)
        if not path.is_file():
            return
        arrays, information = checkpoint.read(path)
        checkpoint.fill(path, self._state(), arrays, exact=True)
        saved = information["position"]
        best = math.inf if saved["best"] is None else saved["best"]
        self.position = Position(saved["step"], best, saved["best_step"])
        self.pending = [
            (step, {name: Tensor(value, ms.float32) for name, value in values.items()})
            for step, values in information["pending"]
        ]

    def _state(self) -> list[ms.Parameter]:
        parameters = list(self.network.get_parameters())
        known = {id(p) for p in parameters}
        known |= {id(p) for network in self.frozen.values() for p in network.get_parameters()}
        for objective in self.steps:
            for p in objective.state():
                if id(p) not in known:
                    known.add(id(p))
                    parameters.append(p)
        return parameters

    def _save_network(self, which: str) -> None:
        if not self.world.is_leader:
            return
        path = network_path(self.folder.checkpoints, self.stage_name, which)
        checkpoint.save(path, self.network.get_parameters(), self._information())

    def _information(self) -> dict[str, Any]:
        best = self.position.best if math.isfinite(self.position.best) else None
        return {
            "model": self.spec.name,
            "stage": self.stage_name,
            "settings": self.settings.model_dump(mode="json"),
            "total_steps": self.total,
            "position": {**vars(self.position), "best": best},
        }

    # -- small things -----------------------------------------------------------------------

    def _objective_step(self, objective: Any, compiled: bool) -> ObjectiveStep:
        own = {id(p) for p in self.network.get_parameters()}
        averaged = (
            [p for p in objective.parameters if id(p) in own] if self.options.ema_decay else []
        )
        frozen = tuple(self.frozen.values())
        return ObjectiveStep(objective, self.options, averaged, compiled, frozen, self.world)

    def _total_steps(self) -> int:
        if self.options.max_steps is not None:
            return self.options.max_steps
        return self.options.epochs * (self.train.batches_per_epoch // self.accumulate)

    def _progress(self) -> Progress | Silence:
        if not self.world.is_leader:
            return Silence()
        return Progress(self.folder, self.stage_name, self.position.step, self.total)

    def _rate(self, step: int) -> float:
        o = self.options
        return learning_rate(
            step,
            self.total,
            o.learning_rate,
            warmup_fraction=o.warmup_fraction,
            warmup_start=o.warmup_start_ratio,
            floor=o.final_ratio,
            decay=o.decay,
        )

    def _validates(self, done: int) -> bool:
        every = self.options.validate_every_steps
        return done % (every or self.train.batches_per_epoch // self.accumulate) == 0

    def _averaged_weights(self) -> contextlib.AbstractContextManager[None]:
        averages = contextlib.ExitStack()
        for objective in self.steps:
            if objective.average is not None:
                averages.enter_context(objective.average.in_place())
        return averages

    def _means(self) -> dict[str, float]:
        """Means over an interval; the place where values are read, hence checked."""
        self._require_finite()
        names = {name for _, values in self.pending for name in values}
        rows = {n: [float(v[n].asnumpy()) for _, v in self.pending if n in v] for n in names}
        return {name: _shown(name, sum(rows[name]) / len(rows[name])) for name in sorted(rows)}

    def _require_finite(self) -> None:
        for step, values in self.pending:
            for name, value in values.items():
                if not np.isfinite(float(value.asnumpy())):
                    raise self._not_finite(step + 1, name)

    def _not_finite(self, step: int, name: str) -> Refusal:
        path = state_path(self.folder.checkpoints, self.stage_name)
        kept = f"the last good state is {path}" if path.exists() else "nothing was saved"
        return Refusal(
            f"stage {self.stage_name}, step {step}: {name} is not finite; {kept}; "
            f"lower training.{self.stage_name}.learning_rate and use --resume"
        )


def _shown(name: str, mean: float) -> float:
    """What people read of a diagnostic, see `Objective`."""
    return math.sqrt(mean) if name.rpartition("/")[2].startswith("rmse") else mean


def _evaluator(cell: nn.Cell, compiled: bool) -> Any:
    """The diagnostics alone, as a function of its own: compiled it keeps the mode it first saw."""

    def diagnostics(*inputs):
        return cell(*inputs)[1]

    return ms.jit(diagnostics) if compiled else diagnostics
