"""Trains one stage of one model: data in order, steps, validation, what is kept and when."""

from __future__ import annotations

import contextlib
import logging
import math
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from mindspore import Tensor, nn

from mindcast.config.schema import RunSettings
from mindcast.data.pipeline import Batches
from mindcast.layers.norm import running_statistics
from mindcast.layers.precision import lower
from mindcast.models.base import ModelSpec, Objective, Stage
from mindcast.refusal import Refusal
from mindcast.runtime.interrupts import Interrupts
from mindcast.runtime.parallel import ALONE, World
from mindcast.runtime.run_folder import RunFolder
from mindcast.samples import Named
from mindcast.training.diagnostics import PendingDiagnostics, rooted
from mindcast.training.inputs import Inputs
from mindcast.training.micro_batches import micro_batches
from mindcast.training.plan import Plan
from mindcast.training.progress import Progress, Silence
from mindcast.training.recomputation import recompute
from mindcast.training.stage_files import Position, StageFiles
from mindcast.training.train_step import ObjectiveStep
from mindcast.training.validation import Validation

SAVE_EVERY_SECONDS = 600.0  # what a killed machine may cost at most


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
        self.stage: Stage = self.spec.stages[self.stage_name]
        self.options = self.settings.training[self.stage_name]
        samples, graph = len(self.train.samples), self.settings.runtime.mode == "graph"
        self.accumulate = micro_batches(self.stage_name, self.options, samples, self.world.size)
        self.plan = Plan(self.options, self.train.batches_per_epoch // self.accumulate)
        self.network = self._network()
        objectives = self.stage.build_objectives(self.settings.model, self.network, self.frozen)
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
        self.files = StageFiles(
            spec=self.spec,
            settings=self.settings,
            stage=self.stage_name,
            total=self.plan.total,
            folder=self.folder,
            network=self.network,
            frozen=self.frozen,
            steps=self.steps,
            pending=self.pending,
            writes=self.world.is_leader,
        )

    def _network(self) -> nn.Cell:
        network = self.stage.build_network(self.settings.model)
        lower(network, self.settings.runtime.precision)
        if self.options.recompute and not recompute(network, self.stage.blocks()):
            raise Refusal(
                f"training.{self.stage_name}.recompute = true: this network has no blocks to "
                "compute again; set it to false"
            )
        return network

    def _objective_step(self, objective: Objective, graph: bool) -> ObjectiveStep:
        own = {id(p) for p in self.network.get_parameters()}
        averaged = (
            [p for p in objective.parameters if id(p) in own] if self.options.ema_decay else []
        )
        frozen = tuple(self.frozen.values())
        scaled = self.settings.runtime.precision == "float16"
        return ObjectiveStep(objective, self.options, averaged, graph, frozen, self.world, scaled)

    def _logged(self, objective: Objective, name: str) -> str:
        """The name of a diagnostic in the log: with that of its objective if there are several."""
        return f"{objective.name}/{name}" if len(self.steps) > 1 else name

    # -- the loop ---------------------------------------------------------------------------

    def restore(self) -> None:
        """Go on where the last state of this stage was saved, if there is one."""
        self.position = self.files.restore()

    def run(self) -> None:
        """Train to the last step. Stops, with the state kept, on SIGINT and SIGTERM."""
        if self.position.step == 0:
            self._calibrate()
        self.world.broadcast_parameters(self.files.parameters())
        last_save = time.monotonic()
        with Interrupts() as interrupts, self._progress() as progress:
            for step, batches in self._batches():
                self.pending.add(step, self._optimise(step, batches))
                self.position.step = done = step + 1
                progress.advance()
                if self.plan.logs(done):
                    self._log(progress)
                overdue = time.monotonic() - last_save > SAVE_EVERY_SECONDS
                asked, overdue = self.world.any(interrupts.asked, overdue)
                validates = self.plan.validates(done)
                if validates or asked or overdue:
                    self._require_finite()
                    if validates:
                        self._validate(progress)
                    self.files.save_state(self.position)
                    last_save = time.monotonic()
                if asked:
                    raise KeyboardInterrupt(self._how_to_go_on())
        self.world.barrier()  # the next stage reads what the leader wrote

    def _calibrate(self) -> None:
        if self.stage.calibrate is not None:
            samples = (sample for _, sample in self.train.epoch(0))
            self.stage.calibrate(self.settings.model, self.network, self.frozen, samples)

    def _progress(self) -> Progress | Silence:
        if not self.world.is_leader:
            return Silence()
        return Progress(self.folder, self.stage_name, self.position.step, self.plan.total)

    def _batches(self) -> Iterator[tuple[int, list[Named]]]:
        """(step, own micro-batches) from here to the end, in the order of the seed."""
        rank, processes = self.world.rank, self.world.size
        numbers = range(rank, self.accumulate, processes)
        step, source = self.position.step, None
        while not self.plan.ends(step):
            epoch, within = self.plan.place(step)
            if source is None or within == 0:
                source = self.train.epoch(epoch, within * self.accumulate + rank, processes)
            with self._kept_if_refused():
                batches = [next(source) for _ in numbers]
            numbered = zip(batches, numbers, strict=True)
            yield step, [self.inputs.of_training(b, step, k) for b, k in numbered]
            step += 1

    def _optimise(self, step: int, batches: list[Named]) -> dict[str, Tensor]:
        values: dict[str, Tensor] = {}
        for objective in self.steps:
            skipped = objective.loss_scale.skipped
            result = objective.run(step, batches, self.plan.rate(step))
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

    def _log(self, progress: Progress | Silence) -> None:
        """The means of an interval, which ends here."""
        self._require_finite()
        done = self.position.step
        rate = self.plan.rate(done - 1)
        progress.status(done, {**self.pending.means(), "learning_rate": rate})
        self.pending.clear()

    # -- validation -------------------------------------------------------------------------

    def _validate(self, progress: Progress | Silence) -> None:
        cells = [cell for step in self.steps for _, cell in step.objective.phases]
        running = {id(p) for cell in cells for p in running_statistics(cell)}
        self.world.broadcast_parameters(p for p in self.files.parameters() if id(p) in running)
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
                self.files.save_network("best", self.position)
            self.files.save_network("last", self.position)
            if is_best or self.plan.ends(self.position.step):
                self._preview(progress)

    def validate(self) -> dict[str, float]:
        """Mean diagnostics over the validation split; the same random draws every time."""
        step = self.steps[0]
        means = self.validator.means(step.cell_at(self.position.step - 1))
        return rooted(means, step.objective.mean_squares)

    def _averaged_weights(self) -> contextlib.AbstractContextManager[None]:
        averages = contextlib.ExitStack()
        for objective in self.steps:
            if objective.average is not None:
                averages.enter_context(objective.average.in_place())
        return averages

    def _preview(self, progress: Progress | Silence) -> None:
        first = self.validator.first
        if self.stage.preview is None or first is None or not self.world.is_leader:
            return
        preview = self.stage.preview(self.settings.model, self.network, self.frozen, first)
        progress.pictures(self.position.step, preview)

    # -- what goes wrong ---------------------------------------------------------------------

    @contextlib.contextmanager
    def _kept_if_refused(self) -> Iterator[None]:
        """What cannot be read, or is no longer read by anyone, costs none of the steps done."""
        try:
            yield
        except Refusal as refusal:
            if not self.position.step:
                raise
            self._require_finite()
            self.files.save_state(self.position)
            raise Refusal(f"{refusal}. {self._how_to_go_on()}") from None

    def _how_to_go_on(self) -> str:
        return (
            f"Stage {self.stage_name} is saved at step {self.position.step}/{self.plan.total}; "
            f"continue with --out {self.folder.path} --resume"
        )

    def _require_finite(self) -> None:
        found = self.pending.not_finite()
        if found is not None:
            step, name = found
            raise self._not_finite(step + 1, name)

    def _not_finite(self, step: int, name: str) -> Refusal:
        path = self.files.state
        kept = f"the last good state is {path}" if path.exists() else "nothing was saved"
        remedy = f"lower training.{self.stage_name}.learning_rate"
        if self.settings.runtime.precision == "float16":
            remedy += " or set runtime.precision to float32 (or, on Ascend and GPU, bfloat16)"
        return Refusal(
            f"stage {self.stage_name}, step {step}: {name} is not finite; {kept}; {remedy} and use "
            "--resume"
        )
