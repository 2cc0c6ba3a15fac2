"""The library of all kernels: compiled once, kept in the user's cache folder.

The folder's name is a hash of all that the machine code depends on: sources, compiler, options and
the CPU that it is made for. A library appears under its name whole or not at all.
"""

from __future__ import annotations

import atexit
import functools
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

SOURCES = Path(__file__).parent
OPTIONS = (
    "-std=c++17",
    "-O3",
    "-march=native",
    "-fopenmp",
    "-fno-math-errno",
    "-fno-trapping-math",
    "-fno-signed-zeros",
    "-shared",
    "-fPIC",
)
COMPILERS = ("c++", "g++", "clang++")
SWITCH = "MINDCAST_KERNELS"
LIBRARY = "kernels.so"


@functools.cache
def library() -> Path | None:
    """The compiled library; None without a compiler that makes it, or if it is switched off.

    A compiler that fails is said in one line on stderr, once a process.
    """
    if os.environ.get(SWITCH, "").lower() in ("off", "0", "false"):
        return None
    compiler = _compiler()
    if compiler is None:
        return None
    sources = sorted(SOURCES.glob("*.cpp"))
    kept = _cache() / _key(compiler, [*sources, *sorted(SOURCES.glob("*.h"))]) / LIBRARY
    if kept.is_file():
        return kept
    try:
        try:
            return _compiled(compiler, sources, kept)
        except OSError:  # nothing can be kept there: for this process only
            return _compiled(compiler, sources, _passing_folder() / LIBRARY)
    except subprocess.CalledProcessError as error:
        _say(compiler, error.stderr)
        return None


def _cache() -> Path:
    """The user's cache folder of this program's kernels (XDG base directories)."""
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return Path(base) / "mindcast" / "kernels"


def _passing_folder() -> Path:
    folder = tempfile.mkdtemp(prefix="mindcast-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)


def _compiler() -> str | None:
    """The C++ compiler that `CXX` names, else the first that is installed."""
    named = os.environ.get("CXX")
    candidates = (named,) if named else COMPILERS
    return next((path for name in candidates if (path := shutil.which(name))), None)


def _key(compiler: str, files: Sequence[Path]) -> str:
    """A name for what that compiler makes of those files for this CPU."""
    version = subprocess.run([compiler, "--version"], capture_output=True, check=False).stdout
    digest = hashlib.sha256()
    for part in (version, *(text.encode() for text in (*OPTIONS, compiler, _cpu()))):
        digest.update(part + b"\0")
    for path in files:
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:24]


def _cpu() -> str:
    """Architecture and, on Linux, the instruction sets of the CPU."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    told = [line for line in lines if line.startswith(("model name", "flags", "Features"))]
    return "\n".join([platform.machine(), platform.processor(), *sorted(set(told))])


def _compiled(compiler: str, sources: Sequence[Path], target: Path) -> Path:
    """Compile beside the target and move it into place, so that no reader meets half a file."""
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(suffix=".so", dir=target.parent)
    os.close(handle)
    try:
        command = [compiler, *OPTIONS, *map(str, sources), "-o", name]
        subprocess.run(command, capture_output=True, check=True, text=True)
        os.replace(name, target)
    finally:
        Path(name).unlink(missing_ok=True)
    return target


def _say(compiler: str, told: str) -> None:
    first = next((line for line in told.splitlines() if "error" in line), told[:200].strip())
    print(
        f"mindcast: warning: {compiler} cannot build the CPU kernels ({first}); the slower public "
        f"operators are used; CXX names another compiler, {SWITCH}=off stops the attempt",
        file=sys.stderr,
        flush=True,
    )
