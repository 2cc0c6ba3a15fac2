"""CF-NetCDF files with their provenance, complete or not at all."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mindcast.files import complete_or_absent
from mindcast.refusal import Refusal
from mindcast.unfailing import Unfailing

if TYPE_CHECKING:
    import xarray  # late at run time: it loads pandas

Attributes = Mapping[str, Any]
Variable = tuple[tuple[str, ...], np.ndarray, Attributes]  # dimensions, values, attributes

CONVENTIONS = "CF-1.11"
TIME_UNITS = "minutes since 2000-01-01 00:00:00"
COMPRESSED = {"zlib": True, "complevel": 4, "shuffle": True}
PACKED = {"dtype": "float32", **COMPRESSED}
FLAGS = {"dtype": "int8", **COMPRESSED, "_FillValue": None}
REMEDY = "choose another folder"


def refuse_existing(path: Path) -> None:
    """Refusal if there is something at `path`: no forecast is overwritten."""
    if path.exists() or path.is_symlink():
        raise Refusal(f"{path}: exists and is kept; move it away or {REMEDY}")


def write_netcdf(path: Path, dataset: xarray.Dataset) -> None:
    """Write a data set with a coordinate "time"; its variables float32, flags int8, compressed.

    Refusal if the file exists or cannot be written.
    """
    refuse_existing(path)
    encoding: dict[str, dict[str, Any]] = {
        str(name): FLAGS if values.dtype == np.int8 else PACKED
        for name, values in dataset.data_vars.items()
    }
    encoding["time"] = {"units": TIME_UNITS, "dtype": "int64", "calendar": "standard"}
    for name in dataset.coords:
        encoding.setdefault(str(name), {"_FillValue": None})
    with complete_or_absent(path, REMEDY) as part, Unfailing(part) as disk:
        dataset.to_netcdf(disk, engine="h5netcdf", encoding=encoding)


def realization(members: int) -> Variable:
    """The coordinate of an ensemble: its members, from 0."""
    about = {"standard_name": "realization", "long_name": "ensemble member", "units": "1"}
    return ("realization",), np.arange(members, dtype=np.int32), about


def attributes(provenance: Mapping[str, Any], title: str) -> dict[str, str]:
    """Of a file.

    provenance: what made the fields (model, checkpoints, sampler, steps, seed, settings); it
    becomes "source" (its "model"), "history" (a line, and one for each of its "notes") and
    "provenance" (all of it, JSON).
    """
    moment = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    words = ", ".join(_words(provenance))
    made = f"{moment} made by {words}" if words else f"{moment} made"
    notes: Iterable[str] = provenance.get("notes", ())
    texts = {
        "Conventions": CONVENTIONS,
        "title": title,
        "source": str(provenance.get("model", "unknown model")),
        "history": "\n".join([made, *(f"{moment} {note}" for note in notes)]),
        "provenance": json.dumps(provenance, default=_plain, ensure_ascii=False),
    }
    return {name: _storable(text) for name, text in texts.items()}


def _words(provenance: Mapping[str, Any], above: str = "") -> Iterator[str]:
    """ "seed 7", "checkpoints.diffusion.path runs/a/best.ckpt"; all but the settings and lists."""
    for key, value in provenance.items():
        if isinstance(value, Mapping) and key != "settings":
            yield from _words(value, f"{above}{key}.")
        elif isinstance(value, (str, int, float, np.generic, Path)):
            yield f"{above}{key} {value}"


def _storable(text: str) -> str:
    """HDF5 takes UTF-8 that holds no zero: bytes in names of files may be neither."""
    return text.replace("\0", " ").encode("utf-8", "backslashreplace").decode("utf-8")


def _plain(value: Any) -> Any:
    """What JSON lacks: NumPy's numbers and arrays as Python's, all else as text."""
    return value.tolist() if isinstance(value, (np.generic, np.ndarray)) else str(value)
