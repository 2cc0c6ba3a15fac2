"""Files of a data set appear complete or not at all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from src.refusal import Refusal


def check_space(path: Path, needed: int) -> None:
    """Refusal unless `needed` bytes are free: HDF5 may crash at exit after a write that failed."""
    folder = next(parent for parent in path.absolute().parents if parent.is_dir())
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise Refusal(f"{path}: cannot be written ({free >> 20} MiB free, up to {needed >> 20} MiB "
                      "needed); make room or choose another folder")  # fmt: skip


@contextmanager
def complete_or_absent(path: Path) -> Iterator[Path]:
    """A temporary name beside `path`; it takes the place of `path` only if the block succeeds."""
    part = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield part
        os.replace(part, path)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else error
        raise Refusal(f"{path}: cannot be written ({reason}); make room or choose another folder "
                      "that you may write to") from None  # fmt: skip
    finally:
        with suppress(OSError):  # gone when all went well
            part.unlink()
