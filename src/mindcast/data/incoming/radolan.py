"""DWD RADOLAN binary composites: RX, RY, RW, YW, WN, SF and their like, also in gzip.

The header is text up to the byte 3 (DWD, RADOLAN/RADVOR Kompositformat): product, DDhhmm, "10000",
MMYY, then BY length, PR precision, INT minutes, GP rows x columns. The data begin in the south.

Differs: pysteps' importer fails on products of 8 bits, takes the first row for the north, and knows
neither unit nor time. Where the grids lie is as it has it.
"""

from __future__ import annotations

import bz2
import gzip
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from mindcast.config.incoming import InputSettings
from mindcast.data.incoming.amounts import as_rate
from mindcast.data.incoming.frames import NO_ECHO_DBZ, Frame, Place
from mindcast.data.incoming.importers import PACKED_ERRORS, damaged
from mindcast.mapgrid import MapGrid
from mindcast.refusal import Refusal

START = re.compile(rb"([A-Z][A-Z])(\d\d)(\d\d)(\d\d)\d{5}(\d\d)(\d\d)BY")
PRECISION, MINUTES = re.compile(r"PR\s*E([-+]\d\d)"), re.compile(r"INT\s*(\d+)")
SHAPE = re.compile(r"GP\s*(\d+)\s*x\s*(\d+)")
HEAD, END = 1024, b"\x03"
REFLECTIVITY_BYTES = ("RX", "WX", "EX")  # half dBZ from -32.5 on, a byte a pixel
REFLECTIVITY_WORDS = ("WN",)
AMOUNTS = ("RY", "RZ", "RH", "RW", "YW", "RV", "SQ", "SH", "SF")  # mm in the minutes of INT
# bits of a word: value, nothing measured, negative, clutter
VALUE, GONE, NEGATIVE, CLUTTER = 0x0FFF, 0x2000, 0x4000, 0x8000
BYTE_CLUTTER = 249  # clutter and what lies above, nothing measured
PROJECTION = "+proj=stere +lat_0=90 +lat_ts=60 +lon_0=10 +a=6378137 +b=6356752 +units=m"
# (rows, columns): outer corner in the south-west, degrees east and north
CORNERS = {(900, 900): (3.604382995, 46.95361536), (1200, 1100): (3.566994635, 45.69642538)}
NO_MAP = "where a RADOLAN grid of this size lies is not known: no map"


@dataclass(frozen=True)
class Header:
    """product: two letters. precision: a power of ten. length: bytes up to the data."""

    product: str
    time: np.datetime64
    precision: int
    minutes: int
    shape: tuple[int, int]
    length: int


def is_radolan(head: bytes) -> bool:
    """Whether a file begins as such a composite."""
    return START.match(head) is not None and END in head


def places(files: Sequence[Path], settings: InputSettings, interval_minutes: int) -> list[Place]:
    """A frame each, of the time in its header."""
    return [Place(path, _header(path, _content(path)).time) for path in files]


def read(place: Place, settings: InputSettings) -> Frame:
    """Rain rate in mm/h, or dBZ."""
    path = place.path
    content = _content(path)
    header = _header(path, content)
    is_bytes = header.product in REFLECTIVITY_BYTES
    kind = np.dtype("u1") if is_bytes else np.dtype("<u2")
    stored = _stored(path, content, header, kind)
    grid = _grid(header.shape)
    if is_bytes:
        codes, is_known = stored.astype(np.float64), stored < BYTE_CLUTTER
    else:
        codes, is_known = _words(stored, header.precision)
    unit = _unit(path, header.product)
    if unit == "dBZ":
        codes = np.where(codes == 0, NO_ECHO_DBZ, codes / 2 - 32.5)
    values, unit = as_rate(codes, unit, path, float(header.minutes) or None, settings)
    return Frame(np.where(is_known, values, np.nan), unit, grid, () if grid else (NO_MAP,))


def _unit(path: Path, product: str) -> str:
    if product in (*REFLECTIVITY_BYTES, *REFLECTIVITY_WORDS):
        return "dBZ"
    if product not in AMOUNTS:
        known = ", ".join((*REFLECTIVITY_BYTES, *REFLECTIVITY_WORDS, *AMOUNTS))
        raise Refusal(f"{path}: product {product}, expected one of {known}")
    return "mm"


def _stored(path: Path, content: bytes, header: Header, kind: np.dtype[Any]) -> np.ndarray:
    """The data, rows from the north on; Refusal where they are cut short."""
    rows, columns = header.shape
    if len(content) - header.length != rows * columns * kind.itemsize:
        raise Refusal(
            f"{path}: holds {len(content) - header.length} bytes of data, expected "
            f"{rows} x {columns} of {kind.itemsize}; it may be truncated, fetch it again"
        )
    return np.frombuffer(content, kind, offset=header.length).reshape(rows, columns)[::-1]


def _words(stored: np.ndarray, precision: int) -> tuple[np.ndarray, np.ndarray]:
    """Values of two bytes, and where they were measured."""
    values = (stored & VALUE) * 10.0**precision
    values = np.where(stored & NEGATIVE, -values, values)
    return values, (stored & (GONE | CLUTTER)) == 0


def _content(path: Path) -> bytes:
    try:
        content = path.read_bytes()
        if content[:2] == b"\x1f\x8b":
            return gzip.decompress(content)
        return bz2.decompress(content) if content[:3] == b"BZh" else content
    except PACKED_ERRORS as error:
        raise damaged(path, error) from None


def _header(path: Path, content: bytes) -> Header:
    start, end = START.match(content), content.find(END, 0, HEAD)
    if start is None or end < 0:
        raise Refusal(f"{path}: does not begin like a RADOLAN composite; fetch it again")
    text = content[:end].decode("latin-1")
    precision, minutes, shape = (found.search(text) for found in (PRECISION, MINUTES, SHAPE))
    product, day, hour, minute, month, year = (part.decode() for part in start.groups())
    try:
        if precision is None or minutes is None or shape is None:
            raise ValueError("PR, INT or GP is missing")
        time = datetime(2000 + int(year), int(month), int(day), int(hour), int(minute))
    except ValueError as error:
        raise Refusal(f"{path}: its header cannot be read ({error}); fetch it again") from None
    rows, columns = int(shape[1]), int(shape[2])
    return Header(
        product,
        np.datetime64(time, "s"),
        int(precision[1]),
        int(minutes[1]),
        (rows, columns),
        end + 1,
    )


def _grid(shape: tuple[int, int]) -> MapGrid | None:
    """Pixels of 1 km from the south-western corner on; None for a size that is not known."""
    import pyproj  # late: it is slow

    if shape not in CORNERS:
        return None
    west, south = pyproj.Proj(PROJECTION)(*CORNERS[shape])
    rows, columns = shape
    x, y = west + (np.arange(columns) + 0.5) * 1000, south + (np.arange(rows) + 0.5) * 1000
    return MapGrid(x, y[::-1], PROJECTION)
