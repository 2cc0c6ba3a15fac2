"""MeteoSwiss composites in GIF: AQC and CPC by their formula, RZC and AZC by pysteps' tables.

The file says in its comment which product it is, of when and of how many minutes; where it lacks
one, its name does (AQCyyDDDHHMM, day of the year, UTC). Differs: pysteps, which takes a second to
load, is asked for colours alone and given all three.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np

from mindcast.config.incoming import InputSettings
from mindcast.data.incoming.amounts import as_rate
from mindcast.data.incoming.frames import Frame, Place
from mindcast.data.incoming.importers import damaged, imported, placed
from mindcast.refusal import Refusal

PRODUCT = re.compile(r"(AQC|CPC|RZC|AZC)(\d\d)(\d{3})(\d\d)(\d\d)")
# in the comment, at the end of a name
MINUTES = re.compile(r"ACCUm=(\d+)|_(\d{5})\.\d{3}(?:\.gif)?$", re.IGNORECASE)
SHAPE = (640, 710)
# the Swiss CCS4 grid in LV03: edges of its pixels of 1 km, metres
GRID = {"projection": "EPSG:21781", "x1": 255e3, "x2": 965e3, "y1": -160e3, "y2": 480e3}
AMOUNTS = ("AQC", "CPC")  # whose indices are logarithms of an amount
DRY, NO_DATA = (0, 1, 251, 252, 253, 254), 255
NO_MAP = "the files do not say where they lie: taken as the Swiss CCS4 grid (LV03)"


def places(files: Sequence[Path], settings: InputSettings, interval_minutes: int) -> list[Place]:
    """A frame each, of the end of its accumulation."""
    return [Place(path, product_of(path, *_words(path))[1]) for path in files]


def read(place: Place, settings: InputSettings) -> Frame:
    """Rain rate, mm/h."""
    path = place.path
    product, _, minutes = product_of(path, *_words(path))
    unit = "mm/h" if product == "RZC" else "mm"
    if product in AMOUNTS:
        values = _amounts()[_indices(path)]
    else:
        options = {"product": product, "unit": unit, "accutime": minutes or 0}
        values, _ = imported("mch_gif", path, **options)
    if values.shape != SHAPE:
        raise Refusal(
            f"{path}: has {values.shape[0]} x {values.shape[1]} pixels, expected 640 x 710 of the "
            "Swiss composite; give the whole picture"
        )
    values, grid = placed(path, values, GRID)
    values, unit = as_rate(values, unit, path, minutes, settings)
    return Frame(values, unit, grid, (NO_MAP,))


def _amounts() -> np.ndarray:
    """mm by the index of a pixel's colour: Z = 316 R^1.5 of what rises by half a dB an index."""
    index = np.arange(256)
    table = (10 ** ((index - 71.5) / 20) / 316) ** (1 / 1.5)
    table[[*DRY]] = 0
    table[NO_DATA] = np.nan
    return np.asarray(table)


def _indices(path: Path) -> np.ndarray:
    """Indices of colours (H, W), 0 to 255."""
    from PIL import Image

    try:
        with Image.open(path) as picture:
            return np.asarray(picture if picture.mode == "P" else picture.convert("P"), np.uint8)
    except (OSError, SyntaxError, ValueError) as error:
        raise damaged(path, error) from None


def product_of(path: Path, *words: str) -> tuple[str, np.datetime64, float | None]:
    """Which product, of when, and minutes of accumulation (None where that is not stated).

    words: where to look for them, the most trustworthy first.
    """
    found = next(filter(None, map(PRODUCT.search, words)), None)
    if found is None:
        raise Refusal(
            f"{path}: neither its comment nor its name says product and time, expected such as "
            "AQC151351545; give the file under its own name"
        )
    product, year, day, hour, minute = found.groups()
    start = datetime(2000 + int(year), 1, 1)
    time = start + timedelta(int(day) - 1, hours=int(hour), minutes=int(minute))
    stated = next(filter(None, map(MINUTES.search, words)), None)
    return product, np.datetime64(time, "s"), _minutes(stated)


def _minutes(stated: re.Match[str] | None) -> float | None:
    return float(stated[1] or stated[2]) or None if stated else None


def _words(path: Path) -> tuple[str, str]:
    """Comment and name of a picture."""
    from PIL import Image

    try:
        with Image.open(path) as picture:
            comment = picture.info.get("comment", b"")
    except (OSError, SyntaxError, ValueError) as error:
        raise damaged(path, error) from None
    words = comment.decode("latin-1") if isinstance(comment, bytes) else str(comment)
    return words, path.name
