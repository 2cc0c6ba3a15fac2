"""Compiled graphs from one process to the next, through MindSpore's compile cache made safe.

MindSpore (2.8) finds a kept graph by its place in the order of a process's compilations, compares
nothing but the text of the entry script and of what that imports, and takes the constants within
for those of today; a jitted function gets no weights at all. So it never sees more than one kept
graph, in a folder of this process, for the moment of one compilation: the graph whose key says all
that it was made of. Whatever place MindSpore looks at, it finds that one or none.
"""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from mindcast.graphs.store import Store, user_folder

AUTO = "auto"
LAYOUT = 1  # of the key; another number leaves all older entries behind
SWITCH, PLACE = "MS_COMPILER_CACHE_ENABLE", "MS_COMPILER_CACHE_PATH"
UNCHECKED = "MS_DEV_FORCE_USE_COMPILE_CACHE"  # compare no scripts: the key holds more
OWN = (SWITCH, PLACE, UNCHECKED)
SOURCES = (".py", ".cpp", ".hpp", ".h")
NAME, SUFFIX = "compile_cache_", ".mindir"


class Keeper:
    """Serves the compilations of this process from a store, and keeps what they make there."""

    def __init__(self, store: Store) -> None:
        self.store, self.sources = store, sources()
        if Kept.work is None:
            Kept.work = store.new_work()
            os.environ[PLACE] = str(Kept.work)
            _leave_scripts_alone()
        self.work = Kept.work

    def key(self, contents: str) -> str:
        """The key of a graph made of `contents`, a digest, here and now."""
        about = (LAYOUT, contents, self.sources, *_surroundings())
        return hashlib.sha256(repr(about).encode()).hexdigest()

    @contextmanager
    def compiling(self, key: str, serve: bool = True) -> Iterator[bool]:
        """One compilation within the `with`; gives whether it is served a kept graph.

        What it makes instead is kept if it ends well and the sources are those that were read.
        """
        folder = self.work / "rank_0" / "graph_cache"
        served = None
        try:
            with suppress(OSError):
                folder.mkdir(parents=True)
                place = folder / f"{NAME}{Kept.next}{SUFFIX}"
                if serve and self.store.take(key, place):
                    served = place
            os.environ.update({SWITCH: "1", UNCHECKED: "1"})
            try:
                yield served is not None
            finally:
                os.environ.update({SWITCH: "0", UNCHECKED: "0"})
                made = [path for path in folder.glob(NAME + "*" + SUFFIX) if path != served]
                Kept.next = _number(made[0]) + 1 if made else Kept.next + 1
            if made and self.sources == sources():
                with suppress(OSError):  # a full disk, say: then without
                    self.store.keep(key, made[0])
        finally:
            shutil.rmtree(self.work, ignore_errors=True)

    def forget(self, key: str) -> None:
        """Let go a graph that MindSpore cannot use."""
        with suppress(OSError):
            self.store.forget(key)


class Kept:
    """Who keeps the graphs of this process: nobody until `begin`.

    work: the folder that MindSpore reads and writes, the same for all its life. next: the number
    that it will give its next compilation with the cache.
    """

    keeper: Keeper | None = None
    work: Path | None = None
    next = 0


def begin(where: str, mebibytes: int) -> str:
    """Keep graphs from now on; what the user should know about it, or nothing.

    where: a folder, "auto" for that in the user's cache folder, empty for none. A folder that
    cannot serve leaves the work as it is without one.
    """
    asked = os.environ.get(SWITCH) == "1"
    os.environ[SWITCH] = "0"  # MindSpore's own use of its cache gives wrong numbers
    note = f"{SWITCH} is not followed, see runtime.compile_cache" if asked else ""
    end()
    if not where:
        return note
    try:
        folder = user_folder() if where == AUTO else Path(where).expanduser().absolute()
        Kept.keeper = Keeper(Store(folder, mebibytes << 20))
    except (OSError, RuntimeError) as error:
        if where != AUTO:
            reason = getattr(error, "strerror", None) or str(error)
            note = f"runtime.compile_cache {where}: {reason}; graphs are compiled and not kept"
    return note


def end() -> None:
    """Keep no graphs from now on, and serve none."""
    Kept.keeper = None


def _leave_scripts_alone() -> None:
    """Have MindSpore not parse the entry script and what that imports, which the key makes
    needless: in `python -c`, a notebook or a program with Python inside it is no file."""
    from mindspore.common import api

    api.entry_script_path = None


def sources() -> str:
    """A digest of this package: a graph may hold anything of it."""
    root = Path(__file__).parents[1]
    digest = hashlib.sha256()
    for path in sorted(path for path in root.rglob("*.*") if path.suffix in SOURCES):
        text = path.read_bytes()
        digest.update(f"{path.relative_to(root)} {len(text)}\n".encode())
        digest.update(text)
    return digest.hexdigest()


def _surroundings() -> tuple[object, ...]:
    """What graphs depend on beside their own parts."""
    import mindspore as ms
    import numpy as np
    import pydantic

    switches = {n: v for n, v in os.environ.items() if n.startswith("MS_") and n not in OWN}
    return (
        ms.__version__,
        np.__version__,
        pydantic.VERSION,
        sys.version,
        platform.machine(),
        ms.get_context("device_target"),
        ms.get_context("mode"),
        ms.get_seed(),
        sorted(switches.items()),
    )


def _number(path: Path) -> int:
    number = path.name.removeprefix(NAME).removesuffix(SUFFIX)
    return int(number) if number.isdecimal() else Kept.next
