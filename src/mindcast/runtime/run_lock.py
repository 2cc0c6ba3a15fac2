"""One writer a folder: who comes second is refused, whatever became of the first's terminal.

The lock is the system's where its file system knows `flock`, and ends with the process; elsewhere
`filelock` keeps a file that names its holder and is broken when that one is gone.
"""

from __future__ import annotations

import errno
import os
import socket
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from filelock import BaseFileLock, FileLock, SoftFileLock, Timeout

from mindcast.files import write_text
from mindcast.refusal import Refusal

LOCK, SOFT_LOCK, HOLDER = ".lock", ".lock.soft", ".holder"
FILES = (LOCK, SOFT_LOCK, HOLDER)
NO_FLOCK = (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOTSUP)  # ENOSYS is known to `FileLock`


@contextmanager
def locked(folder: Path, name: str, remedy: str) -> Iterator[None]:
    """Hold the lock of a folder that exists. Refusal, which names the holder, if it is taken.

    name: of the folder in the refusal. remedy: ends it.
    """
    try:
        lock = _acquired(folder)
    except Timeout:
        raise Refusal(f"{name}: is in use by {_holder(folder)}; {remedy}") from None
    except OSError as error:
        raise Refusal(f"{name}: cannot be locked ({error.strerror}); choose another") from None
    try:
        with suppress(Refusal):  # a full disk: whoever needs more of it will say so
            _name_holder(folder)
        yield
    finally:
        with suppress(OSError):
            (folder / HOLDER).unlink()
        lock.release()


def _acquired(folder: Path) -> BaseFileLock:
    lock: BaseFileLock = FileLock(folder / LOCK, timeout=0)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that the file system has no flock
            lock.acquire()
    except OSError as error:
        if isinstance(error, Timeout) or error.errno not in NO_FLOCK:
            raise
        lock = SoftFileLock(folder / SOFT_LOCK, timeout=0)
        lock.acquire()
    return lock


def _name_holder(folder: Path) -> None:
    now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    text = f"process {os.getpid()} on {socket.gethostname()}, since {now}"
    write_text(folder / HOLDER, text)


def _holder(folder: Path) -> str:
    try:
        return (folder / HOLDER).read_text(encoding="utf-8").strip() or "another process"
    except (OSError, UnicodeDecodeError):
        return "another process"
