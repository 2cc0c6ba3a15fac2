"""`--nodes N --devices D`: one command line as N x D processes, D of them on this machine.

MindSpore's dynamic cluster: a scheduler on the first node brings the workers together. Worker 0 is
the leader, the only one whose output is shown.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import IO

from mindcast.refusal import Refusal
from mindcast.runtime import interrupts
from mindcast.runtime.interrupts import Interrupts
from mindcast.runtime.parallel import COUNT, LAUNCHED, NUMBER, ROLE, SCHEDULER, WORKER

DEFAULT_PORT = 8118  # as msrun's
LOOK_EVERY_SECONDS = 0.1
OTHERS_MAY_TAKE_SECONDS = 2.0  # to end by themselves, when one has failed
SCHEDULE = "from mindspore.communication import init; init()"


@dataclass(frozen=True)
class Cluster:
    """Which processes work together: `devices` of them on each of `nodes` machines.

    nr: number of this machine. master: HOST[:PORT] of machine 0; None: there is one machine.
    first_card: the card of this machine's first process.
    """

    nodes: int
    devices: int
    nr: int
    master: str | None
    first_card: int

    @property
    def size(self) -> int:
        """How many processes there are in all."""
        return self.nodes * self.devices


def launch(cluster: Cluster, command: Sequence[str]) -> int:
    """Start this machine's processes, wait for them and return the exit code of the run.

    command: of one process; its card is added. SIGINT, SIGTERM and SIGHUP are handed on as SIGTERM,
    so that a training saves its state. When one process fails the others, which would wait for it
    for ever, are ended.
    """
    host, port = _master(cluster)
    environment = {
        COUNT: str(cluster.size),
        "MS_SCHED_HOST": host,
        "MS_SCHED_PORT": str(port),
        LAUNCHED: "1",
    }
    if cluster.nodes > 1:
        where = f"node {cluster.nr} of {cluster.nodes}, meeting at {host}:{port}"
        print(f"mindcast: {where}", flush=True)
    with ExitStack() as stack:
        if cluster.nr == 0:
            scheduler = [sys.executable, "-c", SCHEDULE]
            silent = stack.enter_context(open(os.devnull, "w"))
            _start(scheduler, {**environment, ROLE: SCHEDULER}, silent, stack)
        workers = []
        for local in range(cluster.devices):
            number = cluster.nr * cluster.devices + local
            own = [*command, "--device_id", str(cluster.first_card + local)]
            output = stack.enter_context(tempfile.TemporaryFile("w+")) if number else None
            named = {**environment, ROLE: WORKER, NUMBER: str(number)}
            workers.append(_Worker(number, _start(own, named, output, stack), output))
        return _wait(workers)


class _Worker:
    """A process that works; its output is kept in a file, that of the leader is shown."""

    def __init__(
        self, number: int, process: subprocess.Popen[bytes], output: IO[str] | None
    ) -> None:
        self.number, self.process, self.output = number, process, output

    @property
    def code(self) -> int | None:
        return self.process.poll()

    @property
    def failed(self) -> bool:
        return self.code not in (None, 0, *interrupts.CODES)

    def complaint(self) -> str:
        """Why it failed: its output, and the signal that ended it."""
        text = ""
        if self.output is not None:
            self.output.seek(0)
            text = self.output.read().strip()
        if self.code is not None and self.code < 0:
            ended_by = signal.Signals(-self.code).name
            text += f"\nmindcast: process {self.number} was ended by {ended_by}"
        return text.strip()


def _wait(workers: list[_Worker]) -> int:
    stopped, failed_at = False, None
    with Interrupts() as asked_here:
        while any(worker.code is None for worker in workers):
            time.sleep(LOOK_EVERY_SECONDS)
            if asked_here.asked and not stopped:
                stopped = True
                for worker in workers:
                    worker.process.terminate()
            if failed_at is None and any(worker.failed for worker in workers):
                failed_at = time.monotonic()
            if failed_at is not None and time.monotonic() - failed_at > OTHERS_MAY_TAKE_SECONDS:
                break
    if stopped:
        return _interrupted(workers)
    failed = [worker for worker in workers if worker.failed]
    if not failed:
        return max(worker.code or 0 for worker in workers)
    if failed[0].complaint():
        print(failed[0].complaint(), file=sys.stderr)
    return max(failed[0].code or 0, 1)  # a signal is no exit code


def _interrupted(workers: list[_Worker]) -> int:
    """Those that had nothing to save ended in silence."""
    if not any(worker.code in interrupts.CODES for worker in workers):
        raise KeyboardInterrupt
    return interrupts.code()


def _start(
    command: list[str], environment: dict[str, str], output: IO[str] | None, stack: ExitStack
) -> subprocess.Popen[bytes]:
    """A process in a session of its own: Ctrl-C reaches it through its launcher only."""
    with interrupts.as_usual():
        process = subprocess.Popen(
            command,
            env={**os.environ, **environment},
            stdin=subprocess.PIPE,  # never written to; see `parallel`: its end is the launcher's
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    stack.callback(process.wait)
    stack.callback(process.kill)
    return process


def _master(cluster: Cluster) -> tuple[str, int]:
    """Where the scheduler listens; on a single node any free port will do."""
    host, _, port = (cluster.master or "127.0.0.1:0").partition(":")
    number = int(port or DEFAULT_PORT)
    if cluster.nr > 0:
        return host, number
    try:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("", number))
            return host, probe.getsockname()[1]
    except (OSError, OverflowError) as error:  # the scheduler itself would fail without a word
        raise Refusal(
            f"--master {cluster.master}: port {number} cannot be used ({error}); choose "
            "another one, the same on all nodes"
        ) from None
