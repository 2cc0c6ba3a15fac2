"""Trains one stage of one model: data in order, steps, validation, checkpoints, resume."""

from __future__ import annotations

import contextlib
import logging
import math
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import mindspore as ms
from mindspore import Tensor, nn

from mindcast.config.schema import RunSettings
from mindcast.data.pipeline import Batches
from mindcast.layers.norm import running_statistics
from mindcast.layers.precision import lower
from mindcast.models.base import ModelSpec, Objective, Stage
from mindcast.refusal import Refusal
from mindcast.runtime.interrupts import Interrupts
from mindcast.runtime.parallel import ALONE, World
from mindcast.runtime.run_folder import RunFolder, keep_networks, network_path, state_path
from mindcast.samples import Named
from mindcast.training import checkpoint
from mindcast.training.diagnostics import PendingDiagnostics, rooted
from mindcast.training.inputs import Inputs
from mindcast.training.micro_batches import micro_batches
from mindcast.training.origin import check_origin, settings_in, warn_of_other_data
from mindcast.training.progress import Progress, Silence
from mindcast.training.recomputation import recompute
from mindcast.training.schedule import learning_rate
from mindcast.training.train_step import ObjectiveStep
from mindcast.training.validation import Validation

LOSS_SCALES = "loss_scales"  # of every objective, in the information of a state
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

    def __post_init__(self) -> None:
        model = self.settings.model
        self.stage: Stage = self.spec.stages[self.stage_name]
        self.options = self.settings.training[self.stage_name]
        self.accumulate = micro_batches(
            self.stage_name, self.options, len(self.train.samples), self.world.size
        )
        self.network = self.stage.build_network(model)
        self.precision = self.settings.runtime.precision
        lower(self.network, self.precision)
        if self.options.recompute and not recompute(self.network, self.stage.blocks()):
            raise Refusal(
                f"training.{self.stage_name}.recompute = true: this network has no blocks to "
                "compute again; set it to false"
            )
        objectives = self.stage.build_objectives(model, self.network, self.frozen)
        graph = self.settings.runtime.mode == "graph"
        self.steps = [self._objective_step(objective, graph) for objective in objectives]
        self.pending = PendingDiagnostics(
            {self._logged(o, name) for o in objectives for name in o.mean_squares}
        )
        self.inputs = Inputs(self.spec, self.settings, self.stage_name, self.frozen)
        self.validator = Validation(
            self.validation,
            self.inputs.of_validation,
            self.options.validation_batches,
            graph,
            self.world,
        )
        self.total = self._total_steps()

    # -- the loop ---------------------------------------------------------------------------

    def run(self) -> None:
        """Train to the last step. Stops, with the state kept, on SIGINT and SIGTERM."""
        if self.position.step == 0:
            self._calibrate()
        self.world.broadcast_parameters(self._state())
        last_save = time.monotonic()
        with Interrupts() as interrupts, self._progress() as progress:
            for step, batches in self._batches():
                self.pending.add(step, self._optimise(step, batches))
                self.position.step = done = step + 1
                progress.advance()
                is_last = done == self.total
                if done % self.options.log_every_steps == 0 or is_last:
                    self._require_finite()
                    means = self.pending.means()
                    progress.status(done, {**means, "learning_rate": self._rate(step)})
                    self.pending.clear()
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
                    raise KeyboardInterrupt(self._how_to_go_on())
        self.world.barrier()  # the next stage reads what the leader wrote

    def _calibrate(self) -> None:
        if self.stage.calibrate is not None:
            samples = (sample for _, sample in self.train.epoch(0))
            self.stage.calibrate(self.settings.model, self.network, self.frozen, samples)

    def _optimise(self, step: int, batches: list[Named]) -> dict[str, Tensor]:
        values: dict[str, Tensor] = {}
        for objective in self.steps:
            skipped = objective.loss_scale.skipped
            result = objective.run(step, batches, self._rate(step))
            if objective.loss_scale.skipped > skipped:
                self._after_overflow(step + 1, objective)
            if result is not None:
                values |= {self._logged(objective.objective, n): v for n, v in result.items()}
        return values

    def _after_overflow(self, step: int, objective: ObjectiveStep) -> None:
        """One line in the log. Refusal where no scale is left to try."""
        scale = objective.loss_scale
        if scale.exhausted:
            raise self._not_finite(step, "the gradient, even at loss scale 1,")
        logging.getLogger().info(
            "%s step %d: gradients beyond float16; step skipped, loss scale %s %g -> %g",
            self.stage_name,
            step,
            objective.objective.name,
            2 * scale.value,
            scale.value,
        )

    def _logged(self, objective: Objective, name: str) -> str:
        """The name of a diagnostic in the log: with that of its objective if there are several."""
        return f"{objective.name}/{name}" if len(self.steps) > 1 else name

    def _batches(self) -> Iterator[tuple[int, list[Named]]]:
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
                with self._kept_if_refused():
                    batches = [next(source) for _ in numbers]
                numbered = zip(batches, numbers, strict=True)
                yield step, [self.inputs.of_training(b, step, k) for b, k in numbered]
                step += 1

    @contextlib.contextmanager
    def _kept_if_refused(self) -> Iterator[None]:
        """What cannot be read, or is no longer read by anyone, costs none of the steps done."""
        try:
            yield
        except Refusal as refusal:
            if not self.position.step:
                raise
            self._require_finite()
            self.save_state()
            raise Refusal(f"{refusal}. {self._how_to_go_on()}") from None

    def _how_to_go_on(self) -> str:
        return (
            f"Stage {self.stage_name} is saved at step {self.position.step}/{self.total}; "
            f"continue with --out {self.folder.path} --resume"
        )

    # -- validation -------------------------------------------------------------------------

    def _validate(self, progress: Progress | Silence) -> None:
        cells = [cell for step in self.steps for _, cell in step.objective.phases]
        running = {id(p) for cell in cells for p in running_statistics(cell)}
        self.world.broadcast_parameters(p for p in self._state() if id(p) in running)
        with self._kept_if_refused(), self._averaged_weights():
            values = self.validate()
        for name, found in values.items():
            if not math.isfinite(found):
                raise self._not_finite(self.position.step, f"validation/{name}")
        value = values[self.stage.monitor]
        is_best = value < self.position.best
        progress.validation(self.position.step, values, is_best)
        with self._averaged_weights():
            if is_best:
                self.position.best, self.position.best_step = value, self.position.step
                self._save_network("best")
            self._save_network("last")
            if is_best or self.position.step == self.total:
                self._preview(progress)

    def validate(self) -> dict[str, float]:
        """Mean diagnostics over the validation split; the same random draws every time."""
        step = self.steps[0]
        means = self.validator.means(step.cell_at(self.position.step - 1))
        return rooted(means, step.objective.mean_squares)

    def _preview(self, progress: Progress | Silence) -> None:
        first = self.validator.first
        if self.stage.preview is None or first is None or not self.world.is_leader:
            return
        preview = self.stage.preview(self.settings.model, self.network, self.frozen, first)
        progress.pictures(self.position.step, preview)

    # -- checkpoints ------------------------------------------------------------------------

    def save_state(self) -> None:
        """Everything a resumed run needs, in one file, replaced atomically."""
        if not self.world.is_leader:
            return
        path = state_path(self.folder.checkpoints, self.stage_name)
        scales = {step.objective.name: step.loss_scale.saved() for step in self.steps}
        information = {
            **self._information(),
            LOSS_SCALES: scales,
            checkpoint.STATE_ONLY: self.pending.saved(),
        }
        checkpoint.save(path, self._state(), information)

    def restore(self) -> None:
        """Go on where the last state of this stage was saved, if there is one.

        What was logged beyond it is taken out of the log: it will be logged again. Networks
        without a state are not overwritten.
        """
        path = state_path(self.folder.checkpoints, self.stage_name)
        if path.is_file():
            self._restore(path)
        if self.world.is_leader:
            self._keep_networks(path)
            self.folder.forget_after(self.stage_name, self.position.step)

    def _keep_networks(self, state: Path) -> None:
        kept = [] if state.is_file() else keep_networks(self.folder.checkpoints, self.stage_name)
        if kept:
            print(
                f"mindcast: stage {self.stage_name} begins anew, there is no {state.name}; what it "
                f"trained before is kept as {' and '.join(path.name for path in kept)}",
                file=sys.stderr,
            )

    def _restore(self, path: Path) -> None:
        arrays, information = checkpoint.read(path)
        checkpoint.require(path, information, self.spec.name, self.stage_name)
        stored = settings_in(information)
        check_origin(path, stored, self.spec, self.settings, self.stage_name)
        checkpoint.progress(path, information)
        checkpoint.fill(path, self._state(), arrays, exact=True)
        try:
            saved = information["position"]
            best = math.inf if saved["best"] is None else saved["best"]
            self.position = Position(saved["step"], best, saved["best_step"])
            self.pending.restore(information[checkpoint.STATE_ONLY])
            self._restore_scales(information.get(LOSS_SCALES, {}))
        except (LookupError, TypeError, ValueError, AttributeError):
            raise Refusal(f"{path}: is no state of a training; use another copy") from None
        if self.world.is_leader:
            warn_of_other_data([stored], self.settings)

    def _restore_scales(self, saved: Mapping[str, Any]) -> None:
        for step in self.steps:
            if step.objective.name in saved:
                step.loss_scale.restore(saved[step.objective.name])

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

    def _objective_step(self, objective: Objective, graph: bool) -> ObjectiveStep:
        own = {id(p) for p in self.network.get_parameters()}
        averaged = (
            [p for p in objective.parameters if id(p) in own] if self.options.ema_decay else []
        )
        frozen = tuple(self.frozen.values())
        scaled = self.precision == "float16"
        return ObjectiveStep(objective, self.options, averaged, graph, frozen, self.world, scaled)

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

    def _require_finite(self) -> None:
        found = self.pending.not_finite()
        if found is not None:
            step, name = found
            raise self._not_finite(step + 1, name)

    def _not_finite(self, step: int, name: str) -> Refusal:
        path = state_path(self.folder.checkpoints, self.stage_name)
        kept = f"the last good state is {path}" if path.exists() else "nothing was saved"
        remedy = f"lower training.{self.stage_name}.learning_rate"
        if self.precision == "float16":
            remedy += " or set runtime.precision to float32 (or, on Ascend and GPU, bfloat16)"
        return Refusal(
            f"stage {self.stage_name}, step {step}: {name} is not finite; {kept}; {remedy} and use "
            "--resume"
        )
