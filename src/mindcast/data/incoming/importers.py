"""The door of pysteps' importers: what they raise becomes a refusal, what they give is placed."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from mindcast.data.file_kinds import found_instead
from mindcast.data.incoming.projections import plate_carree, projection_in_metres
from mindcast.mapgrid import MapGrid
from mindcast.motion.pysteps import pysteps, quiet
from mindcast.refusal import Refusal, one_line

Metadata = Mapping[str, Any]
# what a damaged file in gzip or bzip2 raises
PACKED_ERRORS = (OSError, EOFError, ValueError, zlib.error)


def imported(name: str, path: Path, **options: Any) -> tuple[np.ndarray, Metadata]:
    """Values (H, W) float64, NaN = missing, and what pysteps' importer `name` tells of them.

    Refusal for a file that it cannot read.
    """
    importer = getattr(pysteps("io.importers"), f"import_{name}", None)
    if importer is None:
        raise Refusal(f"{path}: this pysteps has no importer {name}; install a newer one")
    try:
        with quiet():
            values, _, metadata = importer(str(path), **options)
    except Exception as error:  # importers check little: a damaged file makes them raise anything
        raise damaged(path, error) from None
    if not isinstance(values, np.ndarray) or values.ndim != 2:
        raise Refusal(f"{path}: holds no field (H, W) that pysteps' importer {name} knows")
    return np.asarray(values, np.float64), metadata


def require(module: str, package: str, path: Path) -> None:
    """Refusal where a package is absent that pysteps' importer needs."""
    try:
        import_module(module)
    except ImportError:
        raise Refusal(
            f"{path}: pysteps needs the package {package} to read it; install that, or turn the "
            "file into NetCDF (CF)"
        ) from None


def damaged(path: Path, error: BaseException) -> Refusal:
    """What to tell of a file whose kind was plain and which cannot be read all the same."""
    reason = one_line(error)[:200] or type(error).__name__
    return Refusal(f"{path}: cannot be read ({reason}); it may be truncated, fetch it again")


def instead(path: Path) -> str:
    """What a file is that is of no known format, in words."""
    try:
        kind = found_instead(path)
    except OSError as error:
        raise Refusal(f"{path}: cannot be read ({error.strerror}); mend that") from None
    return kind[0] if kind else "of no known format"


def placed(path: Path, values: np.ndarray, metadata: Metadata) -> tuple[np.ndarray, MapGrid | None]:
    """The values with the northernmost row first, and their grid by the outer edges x1, x2, y1, y2.

    None for a grid whose projection is not known. Refusal for edges and pixels that contradict.
    """
    try:
        return _placed(values, metadata)
    except (ValueError, TypeError, RuntimeError) as error:
        raise Refusal(
            f"{path}: what it says of its place on the map is no grid ({one_line(error)}); fix it"
        ) from None


def _placed(values: np.ndarray, metadata: Metadata) -> tuple[np.ndarray, MapGrid | None]:
    if metadata.get("yorigin", "upper") == "lower":
        values = values[::-1]
    projection = metadata.get("projection")
    if not projection or any(metadata.get(key) is None for key in ("x1", "x2", "y1", "y2")):
        return values, None
    height, width = values.shape
    x = _centres(float(metadata["x1"]), float(metadata["x2"]), width)
    y = _centres(float(metadata["y2"]), float(metadata["y1"]), height)
    _check_pixels(metadata, x, y)
    unit = metadata.get("cartesian_unit", "m")
    if unit == "degrees":
        return values, plate_carree(y, x, str(projection))
    factor = 1000.0 if unit == "km" else 1.0
    return values, MapGrid(x * factor, y * factor, projection_in_metres(str(projection)))


def _centres(first: float, last: float, count: int) -> np.ndarray:
    """Of `count` pixels between two edges."""
    return first + (np.arange(count) + 0.5) * (last - first) / count


def _check_pixels(metadata: Metadata, x: np.ndarray, y: np.ndarray) -> None:
    for name, centres in (("xpixelsize", x), ("ypixelsize", y)):
        stated, found = metadata.get(name), abs(float(np.diff(centres).mean()))
        if stated is not None and abs(found - float(stated)) > 0.01 * found:
            raise ValueError(f"{name} is {float(stated):g}, by its edges {found:g}")
