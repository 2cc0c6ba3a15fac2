"""MRMS rain rates in GRIB through pysteps' importer, which needs the package pygrib.

Differs: read at full resolution, where pysteps takes means of 4 x 4; negative flags other than -3
(no coverage), as -1, are missing too.
"""

from __future__ import annotations

import gzip
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from mindcast.config.incoming import InputSettings
from mindcast.data.incoming.frames import Frame, Place
from mindcast.data.incoming.importers import PACKED_ERRORS, damaged, imported, placed, require
from mindcast.data.incoming.names import times_by_name

GZIP = b"\x1f\x8b"


def places(files: Sequence[Path], settings: InputSettings, interval_minutes: int) -> list[Place]:
    """A frame each, of the time in its name (PrecipRate_00.00_20190610-001000)."""
    require("pygrib", "pygrib", files[0])
    return times_by_name(files, settings, interval_minutes)


def read(place: Place, settings: InputSettings) -> Frame:
    """Rain rate, mm/h."""
    with _unpacked(place.path) as path:
        values, metadata = imported("mrms_grib", path, window_size=1)
    values = np.where(values < 0, np.nan, values)
    # the pixel sizes that it states are swapped, the edges are right
    edges = {k: v for k, v in metadata.items() if k not in ("xpixelsize", "ypixelsize")}
    values, grid = placed(place.path, values, edges)
    return Frame(values, "mm/h", grid)


@contextmanager
def _unpacked(path: Path) -> Iterator[Path]:
    """The file itself, or what it holds in gzip: pygrib reads files only."""
    with path.open("rb") as file:
        is_packed = file.read(2) == GZIP
    if not is_packed:
        yield path
        return
    with tempfile.NamedTemporaryFile(suffix=".grib2") as part:
        try:
            with gzip.open(path) as packed:
                shutil.copyfileobj(packed, part)
        except PACKED_ERRORS as error:
            raise damaged(path, error) from None
        part.flush()
        yield Path(part.name)
