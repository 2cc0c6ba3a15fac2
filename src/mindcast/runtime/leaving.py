"""Ending the process without MindSpore's last words."""

from __future__ import annotations

import atexit
import os
import sys
from typing import NoReturn


def leave(code: int) -> NoReturn:
    """End the process with this exit code.

    Where MindSpore was loaded, Python's exit functions run and its streams are flushed, but not the
    destructors of C++ libraries: on CPU that of MindSpore 2.8.0's device layer at times finds the
    heap damaged by its predecessors and aborts, which would turn a finished run into a failed one.
    """
    if "mindspore" not in sys.modules:
        raise SystemExit(code)
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
