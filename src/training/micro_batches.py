"""How a step's batch is cut up; known before MindSpore is loaded, so refused before any work."""

from __future__ import annotations

from src.config.schema import StageTraining
from src.refusal import Refusal


def micro_batches(stage: str, options: StageTraining, samples: int, processes: int = 1) -> int:
    """Micro-batches that one process takes for one step.

    samples: of the train split. Raises Refusal if the batch cannot be shared out or filled.
    """
    key = f"training.{stage}.total_batch_size = {options.total_batch_size}"
    share, rest = divmod(options.total_batch_size, options.micro_batch_size * processes)
    if rest:
        raise Refusal(
            f"{key}: not a multiple of micro_batch_size x processes = "
            f"{options.micro_batch_size} x {processes}; change one of them"
        )
    if samples < options.total_batch_size:
        raise Refusal(f"{key}: the train split has only {samples} samples; use a smaller batch")
    return share
