"""A folder of compiled graphs, each whole or absent, shared by any number of processes.

An entry is one file, named by its key: a line, the digest of what follows, the graph. It is written
beside its place and moved there, and is read only if the digest is right; so a writer that was
killed, a full disk or a damaged file cost a compilation and nothing else.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import tempfile
import time
from contextlib import suppress
from pathlib import Path

HEADER = b"mindcast graph 1\n"
SUFFIX = ".graph"
WORK, NEW = ".work-", ".new-"  # what may be left of a process that died
PRIVATE = 0o700
UNUSED_DAYS = 90
ABANDONED_SECONDS = 24 * 3600.0  # of a working folder, whose process must have died
SPARE_BYTES = 1 << 28  # left free on the disk


def user_folder() -> Path:
    """Where graphs are kept unless the settings say otherwise: in the user's cache folder.

    RuntimeError where the user has no home.
    """
    named = os.environ.get("XDG_CACHE_HOME", "")
    root = Path(named) if Path(named).is_absolute() else Path.home() / ".cache"
    return root / "mindcast" / "graphs"


class Store:
    """The folder; made if need be, for its user alone.

    limit: bytes that all entries together may take; those used longest ago make way.
    OSError where it cannot be written, is another user's or can be written by everybody: a graph
    names libraries of machine code to load.
    """

    def __init__(self, folder: Path, limit: int) -> None:
        self.folder, self.limit = folder, limit
        folder.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
        about = folder.stat()
        if about.st_uid != os.getuid():
            raise PermissionError(f"belongs to user {about.st_uid}, not to {os.getuid()}")
        if about.st_mode & stat.S_IWOTH:
            raise PermissionError("everybody can write into it")
        self.new_work()

    def new_work(self) -> Path:
        """The name of a folder within for a process's own use, of nobody else; it is not there."""
        work = Path(tempfile.mkdtemp(prefix=WORK, dir=self.folder))
        work.rmdir()
        return work

    def take(self, key: str, to: Path) -> bool:
        """Write the graph of that key to a file; whether there is one."""
        entry = self.folder / (key + SUFFIX)
        try:
            content = entry.read_bytes()
        except OSError:
            return False
        graph = _graph(content)
        if graph is None:
            entry.unlink(missing_ok=True)
            return False
        to.write_bytes(graph)
        with suppress(OSError):
            os.utime(entry)  # its last use
        return True

    def keep(self, key: str, graph: Path) -> None:
        """Take over a graph from a file, and let go what is too much or too old."""
        content = graph.read_bytes()
        if len(content) > self.limit or not content:
            return
        if shutil.disk_usage(self.folder).free < 2 * len(content) + SPARE_BYTES:
            return
        number, name = tempfile.mkstemp(prefix=NEW, dir=self.folder)
        try:
            with os.fdopen(number, "wb") as file:
                file.write(HEADER + hashlib.sha256(content).digest() + content)
            os.replace(name, self.folder / (key + SUFFIX))
        except BaseException:
            os.unlink(name)
            raise
        self.prune()

    def forget(self, key: str) -> None:
        """Remove the entry of that key, if there is one."""
        (self.folder / (key + SUFFIX)).unlink(missing_ok=True)

    def prune(self) -> None:
        """Remove what is left of dead processes, then entries, the latest used staying."""
        now = time.time()
        for path in self.folder.glob(".*"):
            if path.name.startswith((WORK, NEW)) and _age(path, now) > ABANDONED_SECONDS:
                shutil.rmtree(path, ignore_errors=True) if path.is_dir() else _remove(path)
        entries = sorted(self.folder.glob("*" + SUFFIX), key=lambda path: _age(path, now))
        room = self.limit
        for path in entries:
            with suppress(OSError):
                room -= path.stat().st_size
            if room < 0 or _age(path, now) > UNUSED_DAYS * 24 * 3600:
                _remove(path)


def _graph(content: bytes) -> bytes | None:
    """The graph in an entry; None where it is not what was written."""
    first, last = len(HEADER), len(HEADER) + hashlib.sha256().digest_size
    graph = content[last:]
    whole = content[:first] == HEADER and hashlib.sha256(graph).digest() == content[first:last]
    return graph if whole else None


def _age(path: Path, now: float) -> float:
    """Seconds since the last change; of one that is gone, any."""
    try:
        return now - path.stat().st_mtime
    except OSError:
        return 0.0


def _remove(path: Path) -> None:
    with suppress(OSError):
        path.unlink()
