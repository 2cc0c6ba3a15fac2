"""Workers as the bench sees them: started, asked, watched, ended."""

from __future__ import annotations

import json
import os
import re
import selectors
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from tests.bench.worker import memory

ROOT = Path(__file__).parents[2]
LOOK_SECONDS = 0.2  # between looks at the memory of a worker that is busy
ERROR = re.compile(r"[\w.]*(Error|Refusal|Interrupt)\b")  # how the last line of a traceback begins
GB = 1e9


class Ended(Exception):
    """A worker that was ended or ended by itself; the message goes into its row."""


class Worker:
    """A process of `tests.bench.worker`, killed where it holds more than `limit` bytes."""

    def __init__(
        self,
        side: str,
        python: str,
        limit: float,
        folder: str,
        errors: IO[str],
        graphs: str = "",
    ) -> None:
        self.side, self.limit, self.errors = side, limit, errors
        self.held = 0  # bytes, as last seen
        path = os.pathsep.join([str(ROOT / "src"), str(ROOT)])
        self.process = subprocess.Popen(
            [python, "-m", "tests.bench.worker", side, graphs],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            cwd=folder,  # libraries leave files where they work
            env={**os.environ, "PYTHONPATH": path},
        )
        self.started = self._answer()

    def ask(self, order: str, **given: Any) -> dict[str, Any]:
        """The answer to an order; Ended if the worker does not live to give it."""
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(json.dumps({"do": order, **given}) + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            raise Ended(self._last_words()) from None
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)
            while not selector.select(LOOK_SECONDS):
                self._check_memory()
        self._check_memory()  # a quick answer was not looked at
        line = self.process.stdout.readline()
        if not line:
            raise Ended(self._last_words())
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _check_memory(self) -> None:
        try:
            self.held = memory(self.process.pid)["resident"]
        except (FileNotFoundError, KeyError):  # it has just ended
            return
        if self.held > self.limit:
            self.process.kill()
            self.process.wait()
            raise Ended(f"killed at {self.held / GB:.1f} GB")

    def _last_words(self) -> str:
        code = self.process.wait()
        if code == -9:
            return f"killed by the system at {self.held / GB:.1f} GB"
        return last_words(code, self.errors)

    def end(self) -> None:
        """Ends the process; nothing if it has ended."""
        self.process.kill()
        self.process.wait()


def last_words(code: int, errors: IO[str]) -> str:
    """What a process that failed wrote last: the error of a traceback, else the last line."""
    errors.seek(0)
    lines = [line.strip() for line in errors if line.strip()]
    said = [line for line in lines if ERROR.match(line)] or lines
    return f"failed: {said[-1][:300]}" if said else f"ended with code {code}"


@contextmanager
def worker(
    side: str,
    python: str = sys.executable,
    limit: float = float("inf"),
    graphs: str = "",
) -> Iterator[Worker]:
    """A worker for the time of the `with`; graphs: a folder of compiled ones, "": none."""
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile("w+") as errors:
        started = Worker(side, python, limit, folder, errors, graphs)
        try:
            yield started
        finally:
            started.end()


def memory_at_hand() -> float:
    """Bytes that processes can still take, as the system says."""
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return 1024.0 * int(line.split()[1])
    return float("inf")
