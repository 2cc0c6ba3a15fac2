"""Reading ahead in order: by one thread, or by processes whose death is noticed.

Processes are new interpreters: a fork of a process that runs MindSpore's threads may never come
back. Each has a pipe of its own, and whoever is left notices that the other end is gone; nothing
lies in shared memory, so a small /dev/shm does not matter.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import traceback
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection, Pipe
from typing import Any, Protocol

from mindcast.refusal import Refusal

SERVE = (
    "import sys; number, *sys.path = sys.argv[1:]; "
    "from mindcast.data.read_ahead import serve; serve(int(number))"
)
END_SECONDS = 5.0  # between the end of a pipe and that of its process

Read = Callable[..., Any]
Task = tuple[Any, ...]


class Reading(Protocol):
    """Who reads: takes tasks, and gives their results in the order in which it took them."""

    def begin(self, task: Task) -> None: ...

    def result(self) -> Any: ...

    def forget(self) -> None:
        """Drop what was begun and not yet taken."""
        ...

    def end(self) -> None:
        """Stop at once."""
        ...


class ReadAhead:
    """`read(*task)` of many tasks, in their order, the next ones read while one is in use.

    read: a picklable callable where there are several workers; each gets one copy.
    workers: 1 reads in a thread, more are processes, which start at the first task.
    """

    def __init__(self, read: Read, workers: int) -> None:
        self.read, self.workers = read, workers
        self._reading: Reading | None = None

    def results(self, tasks: Iterable[Task]) -> Iterator[Any]:
        """The results of the tasks; one more than there are workers are begun at a time.

        Raises what `read` raises; Refusal where a process cannot start or has died.
        """
        if self._reading is None:
            self._reading = Thread(self.read) if self.workers == 1 else self._processes()
        reading, begun = self._reading, 0
        try:
            reading.forget()  # what was left when results were wanted no longer
            for task in tasks:
                reading.begin(task)
                begun += 1
                if begun > self.workers:
                    begun -= 1
                    yield reading.result()
            for _ in range(begun):
                yield reading.result()
        except GeneratorExit:
            raise
        except BaseException:  # such as an interrupt, which may leave half a result in a pipe
            self._reading = None
            reading.end()
            raise

    def _processes(self) -> Processes:
        try:
            return Processes(self.read, self.workers)
        except OSError as error:
            raise Refusal(
                f"data.workers = {self.workers}: the processes that read ahead cannot start "
                f"({os.strerror(error.errno or 0)}); set fewer of them, or 1"
            ) from None


class Thread:
    """One thread of this process."""

    def __init__(self, read: Read) -> None:
        self.read = read
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="read-ahead")
        self._begun: deque[Future[Any]] = deque()
        self.end = weakref.finalize(self, self._executor.shutdown, wait=False, cancel_futures=True)

    def begin(self, task: Task) -> None:
        self._begun.append(self._executor.submit(self.read, *task))

    def result(self) -> Any:
        return self._begun.popleft().result()

    def forget(self) -> None:
        while self._begun:
            self._begun.popleft().cancel()


class Processes:
    """Processes that are handed the tasks in turn. OSError where they cannot start."""

    def __init__(self, read: Read, count: int) -> None:
        self._workers: list[Worker] = []
        self._next, self._begun = 0, 0  # who gets the next task, and how many are not taken
        self.end = weakref.finalize(self, _end, self._workers)
        with _interrupts_held():
            for _ in range(count):
                self._workers.append(Worker())
        for worker in self._workers:
            worker.pipe.send(read)

    def begin(self, task: Task) -> None:
        worker = self._workers[self._next]
        try:
            worker.pipe.send(task)
        except OSError:
            raise self._died(worker) from None
        self._next = (self._next + 1) % len(self._workers)
        self._begun += 1

    def result(self) -> Any:
        oldest = self._workers[(self._next - self._begun) % len(self._workers)]
        self._begun -= 1
        try:
            value, error = oldest.pipe.recv()
        except (EOFError, OSError):
            raise self._died(oldest) from None
        if error is not None:
            raise error
        return value

    def forget(self) -> None:
        while self._begun:
            with suppress(Exception):  # of reading; a process that died is met at the next task
                self.result()

    def _died(self, worker: Worker) -> Refusal:
        return Refusal(
            f"data.workers = {len(self._workers)}: a process that reads ahead was ended from "
            f"outside, {worker.end()}; give more memory, or set fewer data.workers"
        )


class Worker:
    """A process that reads, and our end of its pipe."""

    def __init__(self) -> None:
        self.pipe, theirs = Pipe()
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, "-c", SERVE, str(theirs.fileno()), *sys.path],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
            )

    def end(self) -> str:
        """How it ended, in words; what is still there now is ended."""
        try:
            code = self.process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return "which answers no more"
        if code == -signal.SIGKILL:
            return "by SIGKILL (out of memory?)"
        return f"by {signal.Signals(-code).name}" if code < 0 else f"with exit code {code}"


def _end(workers: list[Worker]) -> None:
    """They hold nothing that could be lost."""
    for worker in workers:
        worker.pipe.close()
        worker.process.kill()
        worker.process.wait()


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Processes that start meanwhile inherit that Ctrl-C waits: it would print a traceback."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def serve(descriptor: int) -> None:
    """What a process does: read task after task, until the other end of its pipe is closed.

    Ctrl-C, which reaches all processes of a terminal, is for the parent alone.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    pipe = Connection(descriptor)
    try:
        read: Read = pipe.recv()
        while True:
            pipe.send(_outcome(read, pipe.recv()))
    except (EOFError, OSError):
        return


def _outcome(read: Read, task: Task) -> tuple[Any, Exception | None]:
    """A result and no error, or an error that survives the pipe."""
    try:
        return read(*task), None
    except Refusal as refusal:
        return None, refusal
    except Exception:
        return None, RuntimeError(traceback.format_exc())
