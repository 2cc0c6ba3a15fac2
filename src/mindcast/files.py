"""Files and folders that appear complete or not at all, whatever stops the writing."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from mindcast.refusal import Refusal, one_line

REMEDY = "make room or choose another folder that you may write to"


@contextmanager
def complete_or_absent(path: Path, remedy: str = REMEDY) -> Iterator[Path]:
    """A name beside `path` to write to; it becomes `path` if the block succeeds, else goes away.

    The name keeps the ending of `path`. Folders above are made. An OSError becomes a Refusal that
    ends with `remedy`; any other exception passes, and nothing is left behind either.
    """
    part = path.with_name(f".{path.stem}.part{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove_parts(path)  # of a writer that was killed
        yield part
        os.replace(part, path)
    except OSError as error:
        raise _cannot_be_written(path, error, remedy) from None
    finally:
        _remove_parts(path)


@contextmanager
def complete_folder_or_absent(path: Path, remedy: str = REMEDY) -> Iterator[Path]:
    """The same for a folder: a new one beside `path`, which takes its name when all is in it.

    It is no failure where another process has finished a folder of that name meanwhile.
    """
    part = path.with_name(f".{path.name}.part-{os.getpid()}")
    try:
        part.mkdir(parents=True)
        yield part
        os.rename(part, path)
    except OSError as error:
        if not path.is_dir() or not any(path.iterdir()):
            raise _cannot_be_written(path, error, remedy) from None
    finally:
        shutil.rmtree(part, ignore_errors=True)


def write_text(path: Path, text: str, remedy: str = REMEDY) -> None:
    """UTF-8 text as a file of that name, see `complete_or_absent`."""
    with complete_or_absent(path, remedy) as part:
        part.write_text(text, encoding="utf-8")


def allow_as_umask(path: Path) -> None:
    """Give a file the rights of one that was simply written: all may read it whom umask allows."""
    mask = os.umask(0o077)
    os.umask(mask)
    path.chmod(0o666 & ~mask)


def remove_leftovers(folder: Path) -> None:
    """Remove what a killed writer left unfinished in a folder that nobody else writes into now."""
    with suppress(OSError):
        for part in folder.glob(".*.part.*"):
            part.unlink()


def check_space(path: Path, needed: int) -> None:
    """Refusal unless `needed` bytes are free: HDF5 may crash at exit after a write that failed."""
    folder = next(parent for parent in path.absolute().parents if parent.is_dir())
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise Refusal(
            f"{path}: cannot be written ({free >> 20} MiB free, up to {needed >> 20} MiB needed); "
            "make room or choose another folder"
        )


def _remove_parts(path: Path) -> None:
    """Remove what is under the name to write to, also with another ending: some writers use one."""
    with suppress(OSError):
        for name in os.listdir(path.parent):
            if name.startswith(f".{path.stem}.part."):
                path.with_name(name).unlink()


def _cannot_be_written(path: Path, error: OSError, remedy: str) -> Refusal:
    reason = os.strerror(error.errno) if error.errno else one_line(error)
    return Refusal(f"{path}: cannot be written ({reason}); {remedy}")
