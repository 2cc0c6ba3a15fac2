"""A file as bytes that are read only where they are looked at."""

from __future__ import annotations

import mmap
from pathlib import Path


def map_file(path: Path) -> memoryview:
    """The bytes of a file, read-only, mapped into memory. OSError where it cannot be read.

    The map lives as long as something looks into it, such as an array made from it.
    """
    with path.open("rb") as file:
        if not path.stat().st_size:
            return memoryview(b"")  # nothing cannot be mapped
        return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))


def forget(content: memoryview) -> None:
    """Give back the memory of what was looked at so far of a mapped file; it can be read anew."""
    if isinstance(content.obj, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
        content.obj.madvise(mmap.MADV_DONTNEED)
