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
from typing import IO

from mindcast.commands.request import Request, read_settings, run_path
from mindcast.refusal import Refusal
from mindcast.runtime.interrupts import INTERRUPTED, Interrupts
from mindcast.runtime.parallel import COUNT, LAUNCHED, NUMBER, ROLE, SCHEDULER, WORKER

DEFAULT_PORT = 8118  # as msrun's
LOOK_EVERY_SECONDS = 0.1
OTHERS_MAY_TAKE_SECONDS = 2.0  # to end by themselves, when one has failed
SCHEDULE = "from mindspore.communication import init; init()"


def run(request: Request, arguments: Sequence[str]) -> int:
    """Start this node's processes, wait for them and return the exit code of the run.

    SIGINT and SIGTERM are handed on, so that a training saves its state. When one process fails
    the others, which would wait for it for ever, are ended.
    """
    settings = read_settings(request)
    # the last value of an option counts. One folder for all: its default name holds the time
    alone = ["--nodes", "1", "--devices", "1", "--nr", "0"]
    out = ["--out", str(run_path(request, settings))]
    command = [sys.executable, sys.argv[0], *arguments, *alone, *out]
    host, port = _master(request)
    cluster = {
        COUNT: str(request.nodes * request.devices),
        "MS_SCHED_HOST": host,
        "MS_SCHED_PORT": str(port),
        LAUNCHED: "1",
    }
    if request.nodes > 1:
        print(
            f"mindcast: node {request.nr} of {request.nodes}, meeting at {host}:{port}", flush=True
        )
    with ExitStack() as stack:
        if request.nr == 0:
            scheduler = [sys.executable, "-c", SCHEDULE]
            silent = stack.enter_context(open(os.devnull, "w"))
            _start(scheduler, {**cluster, ROLE: SCHEDULER}, silent, stack)
        workers = []
        for local in range(request.devices):
            number = request.nr * request.devices + local
            card = ["--device_id", str(request.device_id + local)]
            environment = {**cluster, ROLE: WORKER, NUMBER: str(number)}
            output = stack.enter_context(tempfile.TemporaryFile("w+")) if number else None
            process = _start([*command, *card], environment, output, stack)
            workers.append(_Worker(number, process, output))
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
        return self.code not in (None, 0, INTERRUPTED)

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
    with Interrupts() as interrupts:
        while any(worker.code is None for worker in workers):
            time.sleep(LOOK_EVERY_SECONDS)
            if interrupts.asked and not stopped:
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
    if all(worker.code != INTERRUPTED for worker in workers):
        raise KeyboardInterrupt
    return INTERRUPTED


def _start(
    command: list[str], environment: dict[str, str], output: IO[str] | None, stack: ExitStack
) -> subprocess.Popen[bytes]:
    """A process in a session of its own: Ctrl-C reaches it through its launcher only."""
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


def _master(request: Request) -> tuple[str, int]:
    """Where the scheduler listens; on a single node any free port will do."""
    host, _, port = (request.master or "127.0.0.1:0").partition(":")
    number = int(port or DEFAULT_PORT)
    if request.nr > 0:
        return host, number
    try:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("", number))
            return host, probe.getsockname()[1]
    except (OSError, OverflowError) as error:  # the scheduler itself would fail without a word
        raise Refusal(
            f"--master {request.master}: port {number} cannot be used ({error}); choose "
            "another one, the same on all nodes"
        ) from None
