"""Attributes that change what stored numbers mean: CF's, netCDF's, and those of ODIM radar files.

They stand with the dataset or with a group above it, ODIM's in the group "what" beside it. What is
plain is honoured: value = factor x stored + offset, and stored missing values are read as 0. What
is not is refused by its name. Without any, numbers are what they are. Names are taken in any case,
with underscores or without.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import h5py
import numpy as np

from mindcast.data.packing_names import UNCLEAR, bare
from mindcast.data.radar.attributes import is_code, plain
from mindcast.data.radar.hdf5 import HDF5_ERRORS
from mindcast.refusal import Refusal, one_line

FACTOR, OFFSET = ("scale_factor", "gain"), ("add_offset", "offset")
MISSING = ("_FillValue", "missing_value", "nodata", "nodata_value", "undetect")
LEAST, MOST, VALID = "valid_min", "valid_max", "valid_range"
UNSIGNED = "_Unsigned"  # netCDF-3: bytes without a sign in a type with one
KNOWN = (*FACTOR, *OFFSET, *MISSING, LEAST, MOST, VALID, UNSIGNED, *UNCLEAR)
USUAL = {bare(name): name for name in KNOWN}
ODIM_GROUP = "what"


@dataclass(frozen=True, slots=True)
class Packing:
    """How stored numbers become values; by default they are the values.

    missing: stored numbers that stand for no value. least, most: the stored numbers that the file
    calls valid. is_unsigned: the sign bit of the stored type is a digit.
    """

    factor: float = 1.0
    offset: float = 0.0
    missing: tuple[float, ...] = ()
    least: float = -np.inf
    most: float = np.inf
    is_unsigned: bool = False

    @property
    def is_plain(self) -> bool:
        """Whether numbers are values, but for those that are missing."""
        return self.factor == 1 and self.offset == 0

    def unpacked(self, stored: np.ndarray, where: str) -> np.ndarray:
        """The values, those missing 0; Refusal for numbers that the file itself calls invalid."""
        if self.is_unsigned and stored.dtype.kind == "i":
            stored = stored.view(stored.dtype.str.replace("i", "u"))
        gone = np.zeros(stored.shape, bool)
        for code in self.missing:
            gone |= is_code(stored, code)
        if (((stored < self.least) | (stored > self.most)) & ~gone).any():
            raise Refusal(
                f"{where} holds values beyond its own {LEAST}, {MOST} or {VALID} "
                f"({self.least:g} to {self.most:g}); fix these attributes, or name such values in "
                f"{MISSING[0]}"
            )
        values = stored
        if not self.is_plain:
            values = stored.astype(np.float64) * self.factor + self.offset
        return np.where(gone, np.zeros_like(values), values) if gone.any() else values


PLAIN = Packing()


def packing_of(dataset: h5py.Dataset, where: str) -> Packing:
    """What the attributes of a dataset and of the groups above it make of its numbers.

    Refusal, which begins with `where`, for one that is not clear.
    """
    try:
        found = _attributes(dataset)
    except HDF5_ERRORS as error:
        raise Refusal(
            f"{where}: attributes cannot be read ({one_line(error)}); write it again"
        ) from None
    if not found:
        return PLAIN
    for name, neutral in UNCLEAR.items():
        if name in found and plain(found[name]) != neutral and not _is_text(found[name]):
            raise Refusal(
                f"{where}: attribute {name} = {plain(found[name])!r} may change its values; call "
                "it scale_factor or add_offset where it does, else take it away"
            )
    factor = _number(found, FACTOR, 1.0, where)
    if factor == 0:
        raise Refusal(f"{where}: {FACTOR[0]} = 0 leaves no values; fix it")
    missing = [value for name in MISSING if name in found for value in _numbers(found, name, where)]
    least, most = _valid(found, where)
    return Packing(
        factor,
        _number(found, OFFSET, 0.0, where),
        tuple(dict.fromkeys(missing)),
        least,
        most,
        str(plain(found.get(UNSIGNED, ""))).lower() in ("true", "1"),
    )


def _attributes(dataset: h5py.Dataset) -> dict[str, Any]:
    """Those that change values, by their usual names, the nearest to the dataset first."""
    places: list[Any] = [dataset]
    group = dataset.parent
    while True:
        beside = group.get(ODIM_GROUP) if group.get(ODIM_GROUP, getlink=True) else None
        places += [beside, group] if isinstance(beside, h5py.Group) else [group]
        if group.name == "/":
            break
        group = group.parent
    found: dict[str, Any] = {}
    for place in places:
        for written in place.attrs:
            name = USUAL.get(bare(written))
            if name is not None and name not in found:
                found[name] = place.attrs[written]
    return found


def _numbers(found: Mapping[str, Any], name: str, where: str) -> list[float]:
    values = plain(found[name])
    values = values if isinstance(values, list) else [] if values is None else [values]
    try:
        return [float(value) for value in values]
    except (TypeError, ValueError):
        raise Refusal(f"{where}: {name} = {plain(found[name])!r}, expected a number") from None


def _number(found: Mapping[str, Any], names: tuple[str, ...], neutral: float, where: str) -> float:
    """The first of the attributes that is there; Refusal if it is not one finite number."""
    for name in names:
        if name in found:
            numbers = _numbers(found, name, where)
            if len(numbers) != 1 or not np.isfinite(numbers[0]):
                raise Refusal(f"{where}: {name} = {plain(found[name])!r}, expected one number")
            return numbers[0]
    return neutral


def _valid(found: Mapping[str, Any], where: str) -> tuple[float, float]:
    if VALID in found:
        numbers = _numbers(found, VALID, where)
        if len(numbers) != 2 or not numbers[0] <= numbers[1]:
            raise Refusal(f"{where}: {VALID} = {plain(found[VALID])!r}, expected two, rising")
        return numbers[0], numbers[1]
    return _number(found, (LEAST,), -np.inf, where), _number(found, (MOST,), np.inf, where)


def _is_text(value: Any) -> bool:
    """Text such as scale = "linear" describes, it does not calculate."""
    return isinstance(plain(value), str)
