"""What happens at which optimiser step of a stage: its rate, logs, validations and the end."""

from __future__ import annotations

from dataclasses import dataclass

from mindcast.config.schema import StageTraining
from mindcast.training.schedule import learning_rate


@dataclass(frozen=True)
class Plan:
    """The steps of one stage. A step is counted from 0; `done` steps have been made.

    steps_per_epoch: those that one pass over the train split fills.
    """

    options: StageTraining
    steps_per_epoch: int

    @property
    def total(self) -> int:
        """Steps of the whole training."""
        return self.options.max_steps or self.options.epochs * self.steps_per_epoch

    def place(self, step: int) -> tuple[int, int]:
        """The epoch of a step and its number within that."""
        return divmod(step, self.steps_per_epoch)

    def rate(self, step: int) -> float:
        """The learning rate of a step."""
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

    def ends(self, done: int) -> bool:
        """Whether there is no further step."""
        return done >= self.total

    def logs(self, done: int) -> bool:
        """Whether an interval of the log ends here."""
        return done % self.options.log_every_steps == 0 or self.ends(done)

    def validates(self, done: int) -> bool:
        """Whether a validation follows, as it does the last step."""
        return done % (self.options.validate_every_steps or self.steps_per_epoch) == 0 or self.ends(
            done
        )
