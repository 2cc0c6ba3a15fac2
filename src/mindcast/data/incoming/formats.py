"""The formats of radar files: how each is told by what a file holds, and which module reads it.

A reader is a module with two functions, imported when a file of its format is there:

    places(files, settings, interval_minutes) -> the frames that the files hold, with their times
    read(place, settings) -> Frame

A further format is a line here and a module.
"""

from __future__ import annotations

import bz2
import gzip
import re
import zipfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

import h5py

from mindcast.config.incoming import InputSettings
from mindcast.data.incoming.frames import Frame, Place
from mindcast.data.incoming.importers import PACKED_ERRORS
from mindcast.data.incoming.radolan import is_radolan
from mindcast.data.radar.hdf5 import HDF5_ERRORS
from mindcast.refusal import Refusal, one_line

HDF5 = b"\x89HDF\r\n\x1a\n"
HEAD = 4096  # bytes
PACKED: dict[bytes, Callable[[Path], gzip.GzipFile | bz2.BZ2File]] = {
    b"\x1f\x8b": gzip.GzipFile,
    b"BZh": bz2.BZ2File,
}


class Reader(Protocol):
    """The module of a format."""

    def places(
        self, files: Sequence[Path], settings: InputSettings, interval_minutes: int
    ) -> list[Place]: ...

    def read(self, place: Place, settings: InputSettings) -> Frame: ...


@dataclass(frozen=True)
class Format:
    """words: for users. module: of the reader. is_one: whether a file is, by what it holds.

    takes: which settings it needs besides; others of `OF_READERS` are refused with it.
    """

    words: str
    module: str
    is_one: Callable[[Head], bool]
    takes: tuple[str, ...] = ()

    @property
    def reader(self) -> Reader:
        """The module that reads it."""
        return cast(Reader, import_module(f"mindcast.data.incoming.{self.module}"))


class Head:
    """What can be known of a file without reading it all."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            with path.open("rb") as file:
                self.bytes = file.read(HEAD)
        except OSError as error:
            raise Refusal(f"{path}: cannot be read ({error.strerror}); mend that") from None
        self.unpacked = self._unpacked()
        self.names: frozenset[str] = frozenset()
        self.conventions, self.axes_of_vil, self.has_scales = "", 0, False
        if self.bytes.startswith(HDF5):
            self._look_into()

    def _unpacked(self) -> bytes:
        """The first bytes within gzip or bzip2, or as they are."""
        opener = next((o for magic, o in PACKED.items() if self.bytes.startswith(magic)), None)
        with suppress(*PACKED_ERRORS):
            if opener is not None:
                with opener(self.path) as file:
                    return bytes(file.read(HEAD))
        return self.bytes

    def _look_into(self) -> None:
        """Names at the top of an HDF5 file, its "Conventions", how many axes "vil" has, and whether
        arrays have scales, as those of NetCDF.

        Refusal for one that cannot be opened: left out in silence, it might be the newest frame.
        """
        try:
            with h5py.File(self.path, "r") as file:
                found = file.attrs.get("Conventions", b"")
                self.conventions = found.decode() if isinstance(found, bytes) else str(found)
                self.names = frozenset(file)
                vil = file.get("vil")
                self.axes_of_vil = vil.ndim if isinstance(vil, h5py.Dataset) else 0
                self.has_scales = any(
                    isinstance(item, h5py.Dataset)
                    and ("DIMENSION_LIST" in item.attrs or item.is_scale)
                    for item in file.values()
                )
        except HDF5_ERRORS as error:
            raise Refusal(
                f"{self.path}: is an HDF5 file that cannot be opened ({one_line(error)}); it may "
                "be cut short or still be written, use a whole copy"
            ) from None


def _is_netcdf(head: Head) -> bool:
    is_classic = head.bytes[:3] == b"CDF" and head.bytes[3:4] in (b"\x01", b"\x02", b"\x05")
    return is_classic or head.has_scales


def _is_odim(head: Head) -> bool:
    return "ODIM" in head.conventions or {"what", "where", "dataset1"} <= head.names


def _is_mch(head: Head) -> bool:
    return head.bytes[:4] == b"GIF8" and (
        b"meteoswiss" in head.bytes.lower() or MCH_NAME.match(head.path.name) is not None
    )


def _is_pgm(head: Head) -> bool:
    return head.unpacked[:2] == b"P5" and b"metersperpixel_x" in head.unpacked


def _is_npz(head: Head) -> bool:
    if head.bytes[:4] != b"PK\x03\x04":
        return False
    with suppress(OSError, zipfile.BadZipFile), zipfile.ZipFile(head.path) as archive:
        return any(name.endswith(".npy") for name in archive.namelist())
    return False


MCH_NAME = re.compile(r"(AQC|CPC|RZC|AZC)\d{9}")
TIFF = (b"II*\0", b"MM\0*")
SPLIT_GROUPS = {"train", "test", "val", "valid"}
# in this order: the first whose telltale fits
MINUTES = ("accumulation_minutes",)
TIMES = ("last_time", "interval_minutes")
CODES = ("unit", *MINUTES, "physical_per_code", "offset", "missing_code", *TIMES)
OF_READERS = ("variable", "axes", "event", "layout", "sequence", "value_scale", *CODES)
FORMATS = {
    "knmi": Format(
        "KNMI HDF5", "knmi", lambda head: {"image1", "geographic"} <= head.names, MINUTES
    ),
    "odim": Format(
        "ODIM HDF5 (OPERA, DWD, MeteoSwiss, ...)", "odim", _is_odim, ("variable", *MINUTES)
    ),
    "sevir": Format("SEVIR HDF5", "sevir", lambda head: head.axes_of_vil == 4, ("event", *TIMES)),
    "saf_crri": Format(
        "NWC SAF CRRI NetCDF", "saf_crri", lambda head: "crr_intensity" in head.names
    ),
    "netcdf": Format(
        "NetCDF with CF metadata (BOM Rainfields, ...)",
        "netcdf",
        _is_netcdf,
        ("variable", "unit", *MINUTES),
    ),
    "sequences": Format(
        "HDF5 sequences (train/0, ...)",
        "sequences",
        lambda head: bool(SPLIT_GROUPS & head.names),
        ("layout", "sequence", "axes", "value_scale", *TIMES),
    ),
    "mch_gif": Format("MeteoSwiss GIF (AQC, CPC, RZC, AZC)", "mch_gif", _is_mch, MINUTES),
    "mch_metranet": Format("MeteoSwiss metranet", "mch_metranet", lambda head: False, MINUTES),
    "fmi_pgm": Format("FMI PGM, also in gzip", "fmi_pgm", _is_pgm, TIMES),
    "fmi_geotiff": Format("FMI GeoTIFF", "fmi_geotiff", lambda head: head.bytes[:4] in TIFF, TIMES),
    "mrms": Format(
        "MRMS GRIB, also in gzip", "mrms", lambda head: head.unpacked[:4] == b"GRIB", TIMES
    ),
    "radolan": Format(
        "DWD RADOLAN, also in gzip or bzip2",
        "radolan",
        lambda head: is_radolan(head.unpacked),
        MINUTES,
    ),
    "npy": Format(
        "NumPy .npy and .npz",
        "arrays",
        lambda head: head.bytes[:6] == b"\x93NUMPY" or _is_npz(head),
        ("variable", "axes", *CODES),
    ),
    "picture": Format(
        "PNG and GIF pictures of grey codes",
        "pictures",
        lambda head: head.bytes[:4] in (b"\x89PNG", b"GIF8"),
        CODES,
    ),
}
UNTOLD = ("mch_metranet",)  # no file tells that it is one


def format_of(path: Path) -> str | None:
    """The name of the format that a file is of, by what it holds; None for none that is known."""
    head = Head(path)
    return next((name for name, one in FORMATS.items() if one.is_one(head)), None)


def known_formats() -> str:
    """All formats in words, for a refusal."""
    return "; ".join(f"{name}: {one.words}" for name, one in FORMATS.items())


def check_settings(name: str, settings: InputSettings) -> None:
    """Refusal for a setting that files of this format have no use for."""
    given, default = settings.model_dump(), InputSettings().model_dump()
    for key in OF_READERS:
        if given[key] != default[key] and key not in FORMATS[name].takes:
            others = ", ".join(other for other, one in FORMATS.items() if key in one.takes)
            raise Refusal(
                f"input.{key} = {given[key]}: is of no use for {FORMATS[name].words}, it is for "
                f"{others}; leave it out"
            )
