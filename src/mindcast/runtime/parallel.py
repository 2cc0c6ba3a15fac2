"""The processes that work on one run: their ranks, and the little that they exchange.

Everything goes by AllReduce, the one collective documented for Ascend, GPU and CPU.
"""

from __future__ import annotations

import atexit
import os
import signal
import sys
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from mindcast.graphs import keeping
from mindcast.refusal import Refusal
from mindcast.runtime.device import native_output_hidden

ROLE, NUMBER, COUNT = "MS_ROLE", "MS_NODE_ID", "MS_WORKER_NUM"  # MindSpore's own variables
WORKER, SCHEDULER = "MS_WORKER", "MS_SCHED"
LAUNCHED = "MINDCAST_LAUNCHED"  # set where standard input is a pipe that the launcher holds
PIECE = 1 << 20  # numbers in one message: CPU's ring gives up on messages that take seconds


@dataclass(frozen=True)
class World:
    """`size` processes, of which this one has the number `rank`.

    Process 0 is the leader: it alone writes and prints. All methods but `is_leader` are collective:
    every process must call them, in the same order. In a world of one they give back what they got.
    """

    rank: int = 0
    size: int = 1

    @property
    def is_leader(self) -> bool:
        """Whether this process writes the files of the run."""
        return self.rank == 0

    def join(self) -> None:
        """Meet the others; after `device.start`, before anything else. Refusal if they fail to."""
        if self.size == 1:
            return
        from mindspore import communication

        keeping.end()  # not tried with graphs that speak to other processes
        try:
            with native_output_hidden():
                communication.init()
        except RuntimeError as error:
            reason = str(error).splitlines()[0]
            raise Refusal(
                f"--nodes: the {self.size} processes could not meet ({reason}); were "
                "all started, can --master be reached?"
            ) from None
        atexit.register(_hide_closing_messages)
        if LAUNCHED in os.environ:
            threading.Thread(target=_follow_launcher, daemon=True).start()

    def sum(self, array: np.ndarray) -> np.ndarray:
        """The sum over processes, in float32, of an array of one shape; its type is kept."""
        if self.size == 1:
            return array
        from mindspore import Tensor

        flat = Tensor(np.ascontiguousarray(array, np.float32).reshape(-1))
        return add_up(flat).asnumpy().reshape(array.shape).astype(array.dtype, copy=False)

    def any(self, *flags: bool) -> tuple[bool, ...]:
        """For each flag, whether it is set in any process."""
        return tuple((self.sum(np.array(flags, np.float32)) > 0).tolist())

    def barrier(self) -> None:
        """Go on when all have come here: what the leader wrote before can be read after."""
        self.any(True)

    def broadcast(
        self, array: np.ndarray | None, shape: tuple[int, ...], source: int = 0
    ) -> np.ndarray:
        """The float32 array of process `source`, exactly; the others need its shape only."""
        if self.size == 1 and array is not None:
            return array
        own = array if self.rank == source and array is not None else np.zeros(shape, np.float32)
        return self.sum(own)

    def broadcast_parameters(self, parameters: Iterable[Any]) -> None:
        """Give all processes the leader's values of float32 parameters."""
        if self.size == 1:
            return
        from mindspore import Tensor

        for parameter in parameters:
            values = self.broadcast(parameter.asnumpy(), tuple(parameter.shape))
            parameter.set_data(Tensor(values, parameter.dtype))


ALONE = World()


def present() -> World:
    """The world of this process, as the variables of MindSpore's dynamic cluster name it."""
    if os.environ.get(ROLE) != WORKER:
        return World()
    return World(int(os.environ[NUMBER]), int(os.environ[COUNT]))


def add_up(flat: Any) -> Any:
    """The sum over processes of a vector (a Tensor), sent in pieces one after the other."""
    from mindspore import ops

    add = ops.AllReduce(ops.ReduceOp.SUM)
    pieces = [add(piece) for piece in ops.split(flat, PIECE)]
    return ops.cat(pieces) if len(pieces) > 1 else pieces[0]


def _hide_closing_messages() -> None:
    """MindSpore reports each connection it closes at the end, whatever its level of logging."""
    sys.stdout.flush()
    sys.stderr.flush()
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)


def _follow_launcher() -> None:
    """Stop, as on SIGTERM, when the launcher is gone and with it the end of standard input."""
    sys.stdin.buffer.read()
    os.kill(os.getpid(), signal.SIGTERM)
