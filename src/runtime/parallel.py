"""Data-parallel training under `msrun`: who this process is, and how gradients are averaged."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

RANK, PROCESSES = "RANK_ID", "RANK_SIZE"  # set by msrun for every process it starts


def world() -> tuple[int, int]:
    """(rank, processes): (0, 1) unless this process was started by `msrun` with others."""
    return int(os.environ.get(RANK, 0)), int(os.environ.get(PROCESSES, 1))


def join() -> None:
    """Join the other processes; call once, after the device is set. Alone it does nothing."""
    if world()[1] > 1:
        import mindspore as ms
        from mindspore.communication import init

        init()
        ms.set_auto_parallel_context(
            parallel_mode=ms.ParallelMode.DATA_PARALLEL, gradients_mean=True
        )


def reducer(parameters: Sequence[Any]) -> Any:
    """A cell that averages gradients of `parameters` over the processes; None when alone."""
    if world()[1] == 1:
        return None
    from mindspore import nn

    return nn.DistributedGradReducer(list(parameters), mean=True, degree=world()[1])
