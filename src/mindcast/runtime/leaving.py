"""How a command line ends: its exit code, one line where it failed, and no last words but those."""

from __future__ import annotations

import atexit
import os
import sys
from collections.abc import Callable
from typing import NoReturn

from mindcast import refusal
from mindcast.runtime import interrupts, unforeseen
from mindcast.runtime.streams import one_line

NOTHING_BEGUN = "Nothing was begun"


def guarded(work: Callable[[], int]) -> int:
    """The exit code of some work, whatever leaves it; each failure is one line on standard error.

    What `work` returns; 2 for a refusal; 130, 143, 129 after SIGINT, SIGTERM, SIGHUP, whatever a
    library has made of the KeyboardInterrupt; 70 for any other error, see `unforeseen`.
    """
    try:
        with interrupts.explained(lambda: NOTHING_BEGUN):
            return work()
    except refusal.Refusal as problem:
        _say(str(problem))
        return refusal.EXIT_CODE
    except KeyboardInterrupt as interrupt:
        _say(f"interrupted. {interrupt}")
        return interrupts.code()
    except SystemExit:
        raise
    except BaseException as error:  # pydantic's and other Rust libraries' panics are no Exception
        _say(unforeseen.report(error))
        return unforeseen.EXIT_CODE


def leave(code: int) -> NoReturn:
    """End the process with this exit code.

    Where MindSpore was loaded, Python's exit functions run and its streams are flushed, but not the
    destructors of C++ libraries: on CPU that of MindSpore 2.8.0's device layer at times finds the
    heap damaged by its predecessors and aborts, which would turn a finished run into a failed one.
    Where its import was cut off, its exit functions, which abort as well, are left out.
    """
    interrupts.last_words(lambda: os._exit(code))
    if not any(name.partition(".")[0] == "mindspore" for name in sys.modules):
        raise SystemExit(code)
    if "mindspore" in sys.modules:
        atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _say(line: str) -> None:
    interrupts.last_words(lambda: None)
    if sys.stdout is not None:
        sys.stdout.flush()  # the line comes last where both go to one file
    print(f"mindcast: {one_line(line)}", file=sys.stderr)
