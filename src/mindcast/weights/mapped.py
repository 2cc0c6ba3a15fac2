"""A file as bytes that are read only where they are looked at."""

from __future__ import annotations

import mmap
from pathlib import Path


def map_file(path: Path) -> memoryview:
    """The bytes of a file that is not empty, read-only, mapped into memory. OSError if it cannot.

    The map lives as long as something looks into it, such as an array made from it.
    """
    with path.open("rb") as file:
        return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
