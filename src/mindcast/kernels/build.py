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
    try:
        return _found_or_compiled(compiler)
    except subprocess.CalledProcessError as error:
        _say(compiler, error.stderr)
    except OSError as error:  # no space anywhere, or what `CXX` names is no program
        _say(compiler, str(error))
    return None


def _found_or_compiled(compiler: Sequence[str]) -> Path:
    sources = sorted(SOURCES.glob("*.cpp"))
    kept = _cache() / _key(compiler, [*sources, *sorted(SOURCES.glob("*.h"))]) / LIBRARY
    if kept.is_file():
        return kept
    try:
        return _compiled(compiler, sources, kept)
    except OSError:  # nothing can be kept there: for this process only
        return _compiled(compiler, sources, _passing_folder() / LIBRARY)


def _cache() -> Path:
    """The user's cache folder of this program's kernels (XDG base directories)."""
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return Path(base) / "mindcast" / "kernels"


def _passing_folder() -> Path:
    folder = tempfile.mkdtemp(prefix="mindcast-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)


def _compiler() -> list[str] | None:
    """The C++ compiler that `CXX` names, as "ccache g++" too, else the first that is installed."""
    named = os.environ.get("CXX", "")
    if shutil.which(named):
        return [named]
    for name, *options in [named.split()] if named.strip() else [[name] for name in COMPILERS]:
        if path := shutil.which(name):
            return [path, *options]
    return None


def _key(compiler: Sequence[str], files: Sequence[Path]) -> str:
    """A name for what that compiler makes of those files for this CPU."""
    version = subprocess.run([*compiler, "--version"], capture_output=True, check=False).stdout
    digest = hashlib.sha256()
    for part in (version, *(text.encode() for text in (*OPTIONS, *compiler, _cpu()))):
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


def _compiled(compiler: Sequence[str], sources: Sequence[Path], target: Path) -> Path:
    """Compile beside the target and move it into place, so that no reader meets half a file."""
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(suffix=".so", dir=target.parent)
    os.close(handle)
    try:
        command = [*compiler, *OPTIONS, *map(str, sources), "-o", name]
        subprocess.run(command, capture_output=True, check=True, text=True, errors="replace")
        os.replace(name, target)
    finally:
        Path(name).unlink(missing_ok=True)
    return target


def _say(compiler: Sequence[str], told: str) -> None:
    lines = [line for line in told.splitlines() if line.strip()]
    first = next((line for line in lines if "error" in line), " ".join(lines)[:200])
    print(
        f"mindcast: warning: {' '.join(compiler)} cannot build the CPU kernels ({first}); "
        "the slower public operators are used; CXX names another compiler, "
        f"{SWITCH}=off stops the attempt",
        file=sys.stderr,
        flush=True,
    )
