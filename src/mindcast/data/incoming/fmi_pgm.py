"""FMI composites of reflectivity in PGM, also in gzip, through pysteps' importer."""

from __future__ import annotations

import gzip
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mindcast.config.incoming import InputSettings
from mindcast.data.incoming.frames import NO_MAP, Frame, Place
from mindcast.data.incoming.importers import PACKED_ERRORS, damaged, imported, placed
from mindcast.data.incoming.names import times_by_name
from mindcast.refusal import Refusal

GZIP = b"\x1f\x8b"
OBSERVED = re.compile(r"^#\s*obstime\s+(\d{12})", re.MULTILINE)
PARAMETER = re.compile(r"^#\s*param\s+(\S+)", re.MULTILINE)
HEAD = 4096


def places(files: Sequence[Path], settings: InputSettings, interval_minutes: int) -> list[Place]:
    """A frame each, of the time of observation; by the names of the files where none is stated."""
    stated = [OBSERVED.search(_header(path)) for path in files]
    if not all(stated):
        return times_by_name(files, settings, interval_minutes)
    return [Place(p, _time(found[1])) for p, found in zip(files, stated, strict=True) if found]


def read(place: Place, settings: InputSettings) -> Frame:
    """dBZ."""
    path = place.path
    parameter = PARAMETER.search(_header(path))
    if parameter and "reflectivity" not in parameter[1].lower():
        raise Refusal(
            f"{path}: param = {parameter[1]}, expected a reflectivity; give such a product"
        )
    values, metadata = imported("fmi_pgm", path, gzipped=_is_packed(path))
    values, grid = placed(path, values, metadata)
    return Frame(values, "dBZ", grid, () if grid else (NO_MAP,))


def _is_packed(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(2) == GZIP


def _header(path: Path) -> str:
    try:
        if _is_packed(path):
            with gzip.open(path) as file:
                return file.read(HEAD).decode("latin-1")
        with path.open("rb") as plain:
            return plain.read(HEAD).decode("latin-1")
    except PACKED_ERRORS as error:
        raise damaged(path, error) from None


def _time(digits: str) -> np.datetime64:
    d = digits
    return np.datetime64(f"{d[:4]}-{d[4:6]}-{d[6:8]}T{d[8:10]}:{d[10:12]}", "s")
