"""Opening a NetCDF file; what goes wrong with it becomes a refusal.

Files are opened anew for every reading: nothing is shared between processes. Times are left as
numbers, see `times`.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np

from mindcast.data.file_kinds import found_instead, hdf5_trouble
from mindcast.data.packing_names import UNCLEAR, misspelt
from mindcast.data.temperature.classic import promised_size
from mindcast.data.variables import Packed
from mindcast.refusal import Refusal, one_line

if TYPE_CHECKING:
    import xarray as xr  # late at run time: refusals do without

HDF5 = b"\x89HDF\r\n\x1a\n"
# first bytes of a file -> who reads it
ENGINES = {
    b"CDF\x01": "scipy",
    b"CDF\x02": "scipy",
    b"CDF\x05": "netcdf4",
    HDF5[:4]: "h5netcdf",
}
PACKING = ("scale_factor", "add_offset")
VALID_RANGE = ("valid_range", "valid_min", "valid_max")


@contextmanager
def opened(path: Path, hdf5_engine: str = "h5netcdf") -> Iterator[xr.Dataset]:
    """The file as a dataset; what goes wrong with it, also while reading, becomes a Refusal.

    hdf5_engine: who reads NetCDF-4; "netcdf4" opens many small files five times as fast.
    """
    try:
        with _open(path, hdf5_engine) as data:
            yield data
    except (OSError, RuntimeError, EOFError) as error:
        raise unreadable(path, error) from None


def values_of(path: Path, array: Packed) -> np.ndarray:
    """The values of an array, NaN where missing or outside its valid range; Refusal if damaged."""
    _check_packing(path, array)
    try:
        values = np.asarray(array.values)
    except Exception as error:  # a damaged file makes the libraries below raise anything
        raise unreadable(path, error) from None
    if values.dtype.kind not in "iufb":
        raise Refusal(f"{path}: {array.name} holds {values.dtype}, expected numbers")
    if not any(key in array.attrs for key in VALID_RANGE):
        return values
    lowest, highest = _valid_range(path, array)
    return np.where((values >= lowest) & (values <= highest), values, np.nan)


def engine_of(path: Path) -> str:
    """Who reads a file; Refusal for what is no NetCDF file, or shorter than its header promises."""
    if path.is_dir():
        raise Refusal(
            f"{path}: is a folder, perhaps a Zarr store; write it as NetCDF first "
            "(xarray: open_zarr, to_netcdf)"
        )
    with path.open("rb") as file:
        magic = file.read(8)
    engine = ENGINES.get(magic[:4])
    if engine is None or (engine == "h5netcdf" and magic != HDF5):
        kind, remedy = found_instead(path) or (
            "no NetCDF file",
            "fix data.files, or fetch it again",
        )
        raise Refusal(f"{path}: is {kind}; {remedy}")
    _check_size(path, engine)
    return str(engine)


def _open(path: Path, hdf5_engine: str) -> xr.Dataset:
    engine = engine_of(path)
    import netCDF4  # noqa: F401 (brings filters of HDF5: zstd, blosc, bzip2)
    import xarray as xr

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of xarray, about attributes that contradict
            reader: Any = hdf5_engine if engine == "h5netcdf" else engine
            data = xr.open_dataset(path, engine=reader, decode_times=False)
    except (OSError, RuntimeError, EOFError):
        raise
    except Exception as error:  # a damaged header makes the libraries below raise anything
        raise Refusal(
            f"{path}: cannot be understood as NetCDF ({one_line(error)[:200]}); fix the file"
        ) from None
    if data.sizes and all(str(dim).startswith("phony_dim") for dim in data.sizes):
        data.close()
        raise Refusal(
            f"{path}: is HDF5 without the named dimensions of NetCDF; write it as NetCDF (xarray: "
            "open_dataset, rename, to_netcdf)"
        )
    return data


def groups_of(path: Path) -> list[str]:
    """The groups of a NetCDF-4 file that hold variables."""
    found: list[str] = []
    if not h5py.is_hdf5(path):
        return found

    def visit(name: str, item: h5py.Group | h5py.Dataset) -> None:
        if isinstance(item, h5py.Group) and any(isinstance(i, h5py.Dataset) for i in item.values()):
            found.append(name)

    with h5py.File(path) as file:
        file.visititems(visit)
    return found


def _check_size(path: Path, engine: str) -> None:
    """Refusal for a classic file that is shorter than its header promises."""
    if engine == "h5netcdf":
        return
    promised, size = promised_size(path), path.stat().st_size
    if promised is not None and size < promised:
        raise Refusal(
            f"{path}: cannot be read as NetCDF ({size} bytes of {promised}); it is truncated, "
            "fetch it again"
        )


def _check_packing(path: Path, array: Packed) -> None:
    """Refusal for a scale that is no number, makes all values one, or is not clear."""
    odd = misspelt(array.attrs, PACKING)
    for name, neutral in UNCLEAR.items():
        given = array.attrs.get(name, neutral)
        if not isinstance(given, str) and np.any(np.asarray(given) != neutral):
            odd = name
    if odd is not None:
        raise Refusal(
            f"{path}: {array.name} has {odd} = {array.attrs[odd]!r}, which may change its values; "
            "call it scale_factor or add_offset where it does, else take it away"
        )
    for key in PACKING:
        given = array.encoding.get(key, 1.0)
        number = np.ravel(np.asarray(given))
        whole = number.dtype.kind in "iuf" and len(number) == 1 and np.isfinite(number).all()
        if not whole or (key == "scale_factor" and not number[0]):
            raise Refusal(
                f"{path}: {array.name} has {key} = {given!r}, expected a number; fix that attribute"
            )


def _valid_range(path: Path, array: Packed) -> tuple[float, float]:
    """The bounds of valid values as they are unpacked, a rounding wider."""
    attributes, packing = array.attrs, array.encoding
    try:
        both = np.ravel(np.asarray(attributes.get("valid_range", (-np.inf, np.inf))))
        given = [attributes.get("valid_min", both[0]), attributes.get("valid_max", both[1])]
        bounds = np.ravel(np.asarray(given, np.float64))
        scale = float(np.ravel(packing.get("scale_factor", 1.0))[0])
        offset = float(np.ravel(packing.get("add_offset", 0.0))[0])
        packed = {"scale_factor", "add_offset"} & packing.keys()
        if packed and all(np.asarray(v).dtype.kind in "iu" for v in _stated(attributes)):
            bounds = bounds * scale + offset
        slack = 1e-6 * np.abs(bounds[np.isfinite(bounds)]).max(initial=0.0)
        slack += abs(scale) / 2 if packed else 0.0
        return float(bounds.min() - slack), float(bounds.max() + slack)
    except (ValueError, TypeError, IndexError):
        raise Refusal(
            f"{path}: {array.name} has a valid range that is no pair of numbers; fix or remove its "
            "attributes valid_range, valid_min, valid_max"
        ) from None


def _stated(attributes: Mapping[Any, Any]) -> list[Any]:
    return [attributes[key] for key in VALID_RANGE if key in attributes]


def unreadable(path: Path, error: BaseException) -> Refusal:
    """What to tell of a file that looked like NetCDF and cannot be read."""
    reason, remedy = hdf5_trouble(error)
    return Refusal(f"{path}: cannot be read as NetCDF ({reason}); {remedy}")
