"""The door of the program: `mindcast`, `python -m mindcast` and `main.py` all come in here.

Signals and streams are made safe before anything is imported that takes time.
"""

from __future__ import annotations

from typing import NoReturn

from mindcast.runtime import interrupts


def run() -> NoReturn:
    """One command line, and the end of the process."""
    interrupts.hold()
    from mindcast.runtime import streams
    from mindcast.runtime.leaving import guarded, leave

    streams.secure()
    leave(guarded(_main))


def _main() -> int:
    interrupts.watch()
    from mindcast.cli import main

    return main()


if __name__ == "__main__":
    run()
