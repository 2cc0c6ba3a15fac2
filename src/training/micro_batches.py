"""How a step's batch is cut up; known before MindSpore is loaded, so refused before any work."""

from __future__ import annotations

from src.config.schema import StageTraining
from src.refusal import Refusal


def micro_batches(stage: str, options: StageTraining, samples: int) -> int:
    """Micro-batches of one step. Refusal if the train split's `samples` do not fill a batch."""
    if samples < options.total_batch_size:
        raise Refusal(
            f"training.{stage}.total_batch_size = {options.total_batch_size}: the train split has "
            f"only {samples} samples; use a smaller batch"
        )
    return options.total_batch_size // options.micro_batch_size
