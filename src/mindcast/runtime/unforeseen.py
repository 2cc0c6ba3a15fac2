"""An error that nobody foresaw: one line for the user, the traceback in a file for who mends it."""

from __future__ import annotations

import os
import sys
import tempfile
import time
import traceback
from pathlib import Path

EXIT_CODE = 70  # EX_SOFTWARE of sysexits.h
SHOWN = "MINDCAST_TRACEBACK"  # a variable of the environment that has the traceback printed


def report(error: BaseException) -> str:
    """The line about an error, whose traceback is kept in a new file (or printed, if so wished)."""
    text = "".join(traceback.format_exception(error))
    first = (str(error).strip().splitlines() or [_place(error)])[0].strip()
    line = f"unexpected {type(error).__name__}: {first}"
    if os.environ.get(SHOWN):
        print(text, file=sys.stderr)
        return f"{line}; please report it"
    try:
        return f"{line}; the traceback is in {_keep(text)}, please report it"
    except OSError as problem:
        return (
            f"{line} ({_place(error)}); the traceback cannot be kept ({problem.strerror}), "
            f"{SHOWN}=1 shows it"
        )


def _keep(text: str) -> Path:
    """A new file with the text: in the current folder, else in that for temporary files."""
    about = f"{time.strftime('%Y-%m-%d %H:%M:%S')} {sys.argv}\n\n{text}"
    content = about.encode("utf-8", "backslashreplace")
    try:
        return _write(Path.cwd(), content)
    except OSError:  # no such folder any more, no right to write, a full disk
        return _write(Path(tempfile.gettempdir()), content)


def _write(folder: Path, content: bytes) -> Path:
    descriptor, name = tempfile.mkstemp(".txt", "mindcast-error-", folder)
    try:
        with open(descriptor, "wb") as file:
            file.write(content)
    except OSError:
        os.unlink(name)
        raise
    return Path(name)


def _place(error: BaseException) -> str:
    """Where it was raised: file, line and function."""
    frames = traceback.extract_tb(error.__traceback__)
    if not frames:
        return "no traceback"
    last = frames[-1]
    return f"{Path(last.filename).name}, line {last.lineno}, {last.name}"
