"""Standard streams that no state of the terminal can turn into an error.

A pipe whose reader has gone (`| head`), a full disk, a terminal that was closed, streams that were
never open, characters that the terminal lacks: work goes on, and what cannot be shown is dropped.
"""

from __future__ import annotations

import io
import os
import select
import sys
from typing import Any, TextIO

NUMBERS = (0, 1, 2)


def secure() -> None:
    """Make standard output and error safe, for Python and for what writes to their descriptors."""
    open_all()
    sys.stdout = _tolerant(sys.stdout, 1)
    sys.stderr = _tolerant(sys.stderr, 2)


def open_all() -> None:
    """Open what is closed of the descriptors 0 to 2: the next file opened would be taken for it."""
    for number in NUMBERS:
        try:
            os.fstat(number)
        except OSError:
            opened = os.open(os.devnull, os.O_RDWR)
            if opened != number:
                os.dup2(opened, number)
                os.close(opened)
            os.set_inheritable(number, True)


def one_line(text: str) -> str:
    """The text without characters that would begin another line or steer the terminal."""
    return "".join(c if c.isprintable() or c == " " else repr(c)[1:-1] for c in text)


class _Tolerant(io.FileIO):
    """A descriptor whose output goes nowhere from the first write on that fails."""

    def write(self, data: Any) -> int:
        try:
            written = super().write(data)
            while written is None:  # a terminal that is set not to wait
                select.select([], [self.fileno()], [])
                written = super().write(data)
            return written
        except OSError:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.fileno())
            os.close(nowhere)
            return memoryview(data).nbytes


def _tolerant(stream: TextIO | None, number: int) -> TextIO:
    """The same stream, of the same encoding and buffering; a new one where there is none."""
    raw = _Tolerant(number, "w", closefd=False)
    if not isinstance(stream, io.TextIOWrapper):
        return io.TextIOWrapper(io.BufferedWriter(raw), "utf-8", "backslashreplace")
    stream.flush()
    return io.TextIOWrapper(
        io.BufferedWriter(raw),
        stream.encoding,
        "backslashreplace",
        line_buffering=stream.line_buffering,
        write_through=stream.write_through,
    )
