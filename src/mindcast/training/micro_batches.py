"""How a step's batch is cut up; known before MindSpore is loaded, so refused before any work."""

from __future__ import annotations

from mindcast.config.schema import StageTraining
from mindcast.refusal import Refusal


def micro_batches(stage: str, options: StageTraining, samples: int, processes: int = 1) -> int:
    """Micro-batches of one step, of all processes together.

    Refusal if the train split's `samples` do not fill a batch, or if the micro-batches cannot be
    dealt out evenly.
    """
    if samples < options.total_batch_size:
        raise Refusal(
            f"training.{stage}.total_batch_size = {options.total_batch_size}: the train split has "
            f"only {samples} samples; use a smaller batch"
        )
    count = options.total_batch_size // options.micro_batch_size
    if count % processes:
        raise Refusal(
            f"training.{stage}: a batch of {options.total_batch_size} makes {count} micro-batches "
            f"of {options.micro_batch_size}, which {processes} processes cannot share evenly; "
            "change total_batch_size or micro_batch_size"
        )
    return count
