"""Opening a NetCDF file; what goes wrong with it becomes a refusal.

Files are opened anew for every reading: nothing is shared between processes.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import xarray as xr

from mindcast.refusal import Refusal


@contextmanager
def opened(path: Path) -> Iterator[xr.Dataset]:
    """The file as a dataset; what goes wrong with it, also while reading, becomes a Refusal."""
    try:
        with _open(path) as data:
            yield data
    except (OSError, RuntimeError, EOFError) as error:
        raise Refusal(
            f"{path}: cannot be read as NetCDF ({_line(error)}); it may be truncated, "
            "fetch it again"
        ) from None


def _open(path: Path) -> xr.Dataset:
    with path.open("rb") as file:
        magic = file.read(8)
    if magic.startswith(b"GRIB"):
        raise Refusal(f"{path}: is a GRIB file; turn it into NetCDF first (cdo -f nc4 copy IN OUT)")
    classic = magic.startswith(b"CDF")
    if not classic and magic != b"\x89HDF\r\n\x1a\n":
        raise Refusal(f"{path}: is no NetCDF file; fix data.files, or fetch it again")
    engine: Any = "scipy" if classic else "h5netcdf"
    try:
        return xr.open_dataset(path, engine=engine, decode_timedelta=False)
    except (ValueError, KeyError, TypeError, ImportError) as error:
        raise Refusal(
            f"{path}: cannot be understood as NetCDF ({_line(error)}); fix the file"
        ) from None


def _line(error: BaseException) -> str:
    """Libraries report in several lines, a refusal has one."""
    return " ".join(str(error).split())[:200]
