"""SIGINT, SIGTERM and SIGHUP: a line and an exit code of their own, or a request that work meets.

From `watch` on a thread waits for these signals and has Python's handlers run in the main thread.
They stay blocked for all others: MindSpore replaces the handler of SIGINT by one that turns it into
SIGTERM whenever it runs a compiled graph, and so never gets to see one.
"""

from __future__ import annotations

import _thread
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any

STOPS = tuple(n for n in signal.Signals if n.name in ("SIGINT", "SIGTERM", "SIGHUP"))
TOGETHER_SECONDS = 0.5  # `timeout` sends its signal twice: to the process and to its group
AGAIN_SECONDS = 0.05
GRACE_SECONDS = 3.0  # what a second Ctrl-C leaves for a way out before the process is ended
AT_ONCE = "Stopped at once; what was saved before stands."

_first: int | None = None  # the signal that asked this process to stop
_raised = False  # whether a handler raised, which others may have made something else of


def asked() -> int | None:
    """The signal that has asked this process to stop since `watch`, None if there was none.

    Libraries turn the KeyboardInterrupt that it raised into errors of their own: who catches one
    can ask here what it came from.
    """
    return _first


def code() -> int:
    """The exit code for the signal that has `asked`: 130 for SIGINT, 143 for SIGTERM."""
    return 128 + (_first or signal.SIGINT)


CODES = frozenset(128 + number for number in STOPS)


def hold() -> None:
    """Keep the signals that arrive until `watch`, which every thread made from here on leaves."""
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_BLOCK, _heard())


def watch() -> None:
    """Have every stop signal raise KeyboardInterrupt in the main thread, which must call this."""
    heard = _heard()
    for number in heard:
        signal.signal(number, _raise)
    sys.unraisablehook = _raise_again
    hold()
    if hasattr(signal, "sigwait"):
        signal.signal(signal.SIGURG, lambda *_: None)
        signal.siginterrupt(signal.SIGURG, False)
        os.register_at_fork(after_in_child=lambda: _hear_nothing(heard))
        threading.Thread(target=_wait, args=(heard,), daemon=True).start()


@contextmanager
def as_usual() -> Iterator[None]:
    """For programs that are started in the block: they inherit what is blocked here."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def last_words(end: Callable[[], None]) -> None:
    """From here on a signal calls `end`: the work is done and its exit code is known."""
    if threading.current_thread() is threading.main_thread():
        for number in STOPS:
            if signal.getsignal(number) is _raise:
                signal.signal(number, lambda *_: end())


@contextmanager
def explained(what_stands: Callable[[], str]) -> Iterator[None]:
    """What a signal has raised leaves the block as a KeyboardInterrupt with a text.

    That is its own text if there is one, else `what_stands` for the user who wants to go on. An
    error that comes in its place is taken for what a library has made of it.
    """
    try:
        yield
    except KeyboardInterrupt as interrupt:
        raise KeyboardInterrupt(str(interrupt) or what_stands()) from None
    except Exception:
        if not _raised:
            raise
        raise KeyboardInterrupt(what_stands()) from None


class Interrupts:
    """Context manager for work that stops at a place of its own: signals raise nothing in it.

    `asked` turns true at the first signal; a second Ctrl-C raises KeyboardInterrupt.
    """

    def __init__(self) -> None:
        self.asked = False
        self.since = 0.0
        self.before: dict[int, Any] = {}

    def __enter__(self) -> Interrupts:
        self.asked = asked() is not None
        self.before = {number: signal.signal(number, self._note) for number in _heard()}
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in self.before.items():
            signal.signal(number, handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        again = self.asked and time.monotonic() - self.since > TOGETHER_SECONDS
        if again and number == signal.SIGINT:
            raise KeyboardInterrupt(AT_ONCE)
        if not self.asked:
            self.asked, self.since = True, time.monotonic()


def _heard() -> list[signal.Signals]:
    """The stop signals, less those that this process was started to ignore, as by `nohup`.

    Shells have jobs in the background ignore SIGINT; it is heard nevertheless.
    """
    ignored = {n for n in STOPS if signal.getsignal(n) == signal.SIG_IGN} - {signal.SIGINT}
    return [n for n in STOPS if n not in ignored]


def _wait(numbers: list[signal.Signals]) -> None:
    """Hand on the first signal to the main thread and, to `Interrupts`, those that follow.

    Where the main thread is past the first one, or hears no second Ctrl-C, the process is ended.
    """
    global _first
    since = 0.0
    while True:
        number = signal.Signals(signal.sigwait(numbers))
        again = _first is not None
        if not again:
            _first, since = number, time.monotonic()
        elif time.monotonic() - since < TOGETHER_SECONDS:
            continue
        waits = signal.getsignal(number) is not _raise
        if not again or waits:
            _interrupt(number)
        if again and (number == signal.SIGINT or not waits):
            time.sleep(GRACE_SECONDS if waits else 0)
            os.write(2, f"mindcast: interrupted. {AT_ONCE}\n".encode())
            os._exit(code())


def _interrupt(number: signal.Signals) -> None:
    """Have the main thread run its handler, and not only when it has slept out."""
    _thread.interrupt_main(number)
    if hasattr(signal, "SIGURG"):  # which has no other use here, and is ignored where it has none
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGURG)


def _raise(number: int, frame: FrameType | None) -> None:
    global _raised
    _raised = True
    raise KeyboardInterrupt


def _raise_again(unraisable: sys.UnraisableHookArgs) -> None:
    """An interrupt that came in a destructor, where Python drops exceptions, comes once more."""
    if issubclass(unraisable.exc_type, KeyboardInterrupt):
        threading.Timer(AGAIN_SECONDS, _interrupt, [signal.SIGINT]).start()  # not in this hook
    else:
        sys.__unraisablehook__(unraisable)


def _hear_nothing(numbers: list[signal.Signals]) -> None:
    """A forked process, such as a reader of data: the one that made it ends it.

    Ctrl-C in a terminal reaches both; SIGTERM is how it is ended.
    """
    sys.unraisablehook = sys.__unraisablehook__
    for number in numbers:
        signal.signal(number, signal.SIG_IGN if number == signal.SIGINT else signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, numbers)
