"""A nowcast as a CF-NetCDF file, written member by member."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import h5py
import numpy as np

from mindcast.cases import reached
from mindcast.files import check_space, complete_or_absent
from mindcast.mapgrid import MapGrid
from mindcast.output.chunks import PACKING, Packer
from mindcast.output.map_axes import GRID_MAPPING, map_axes, pixel_axes
from mindcast.output.netcdf import REMEDY, Variable, attributes, realization, refuse_existing
from mindcast.unfailing import Unfailing

MISSING = np.float32(9.969209968386869e36)  # NetCDF's own, which all tools know
BLOCK = 1024  # side of a chunk at most, pixels
HEAD_BYTES = 1 << 20  # names, attributes and indices, with room to spare
PROBABILITY = "probability_of_exceedance"


@dataclass(frozen=True)
class Quantity:
    """What the values of a unit are called in a file."""

    name: str
    text: str
    units: str
    standard_name: str = ""

    @property
    def attributes(self) -> dict[str, str]:
        """Of a variable in this unit."""
        named = {"standard_name": self.standard_name} if self.standard_name else {}
        return {**named, "long_name": self.text, "units": self.units}


QUANTITIES = {
    "dBZ": Quantity("reflectivity", "radar reflectivity", "dBZ", "equivalent_reflectivity_factor"),
    "mm/h": Quantity(
        "precipitation_rate", "precipitation rate", "mm h-1", "lwe_precipitation_rate"
    ),
    # codes of no even scale: CF has no name for them
    "VIL": Quantity("vil_code", "vertically integrated liquid, SEVIR's code 0 to 255", "1"),
}


class NowcastFile:
    """A file to which the members of a forecast are added; it appears complete or not at all.

    Variables, by the unit's `Quantity`: NAME (realization, time, y, x) of the members, NAME_mean
    (time, y, x) of all of them, and "probability_of_exceedance" (threshold, time, y, x), the share
    of the members at or above each of the thresholds; both of these are missing where any member
    is. A forecast without members has NAME (time, y, x) alone. All are float32, compressed.

    times: (T,), datetime64, valid times in UTC, whole seconds. reference: of the last observed
    frame. unit: a key of QUANTITIES. grid: where the pixels lie; None leaves rows and columns that
    claim nothing. shape: (H, W). members: None for a forecast without. thresholds: in `unit`.
    provenance: see `netcdf.attributes`. In memory are about two members and the counts.

    `with NowcastFile(...) as file` gives a Refusal if the file exists or cannot be written;
    ValueError for what does not fit together, or if a member is lacking at the end.
    """

    def __init__(
        self,
        path: Path,
        *,
        times: np.ndarray,
        reference: np.datetime64,
        unit: str,
        grid: MapGrid | None,
        shape: tuple[int, int],
        members: int | None,
        thresholds: Sequence[float],
        provenance: Mapping[str, Any],
    ) -> None:
        if unit not in QUANTITIES:
            raise ValueError(f"unit: got {unit!r}, expected one of {', '.join(QUANTITIES)}")
        if grid is not None and grid.shape != tuple(shape):
            raise ValueError(f"grid: got {grid.shape}, expected {tuple(shape)}")
        if members is not None and members < 1:
            raise ValueError(f"members: got {members}, expected 1 or more")
        self.path, self.quantity, self.provenance = path, QUANTITIES[unit], provenance
        self.times, self.reference = _seconds(times), _seconds(reference)
        self.grid, self.shape = grid, (len(times), *shape)
        self.members = members
        self.thresholds = tuple(thresholds) if members else ()
        self._lacking = set(range(members or 1))

    def __enter__(self) -> Self:
        import h5netcdf

        refuse_existing(self.path)
        check_space(self.path, self._most_bytes())
        with ExitStack() as stack:
            part = stack.enter_context(complete_or_absent(self.path, REMEDY))
            self._disk = stack.enter_context(Unfailing(part))
            self._packer = stack.enter_context(Packer())
            self._fields = stack.enter_context(h5py.File(self._disk, "w", track_order=True))
            self._file = stack.enter_context(h5netcdf.File(self._fields, "w"))
            self._write_head()
            self._disk.check()
            self._stack = stack.pop_all()
        if self.members:
            self._sum = np.zeros(self.shape, np.float64)
            counts = (len(self.thresholds), *self.shape)
            self._reached = np.zeros(counts, np.min_scalar_type(self.members))
        return self

    def add(self, member: int, frames: np.ndarray) -> None:
        """Write the frames (T, H, W), float32, of a member, in any order; NaN is missing.

        A forecast without members is member 0.
        """
        if frames.shape != self.shape or frames.dtype != np.float32:
            found = f"{frames.dtype} {frames.shape}"
            raise ValueError(f"{self.path}: got {found}, expected float32 {self.shape}")
        if member not in self._lacking:
            raise ValueError(f"{self.path}: member {member} is there already, or not expected")
        place = (member,) if self.members else ()
        self._packer.write(self._fields[self.quantity.name], place, _filled(frames))
        self._disk.check()
        self._lacking.remove(member)
        if self.members:
            self._sum += frames
            for count, threshold in zip(self._reached, self.thresholds, strict=True):
                count += reached(frames, threshold)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is not None:
            self._stack.__exit__(kind, error, trace)
            return
        with self._stack:
            if self._lacking:
                raise ValueError(f"{self.path}: members {sorted(self._lacking)} are lacking")
            if self.members:
                self._write_statistics(self.members)

    def _write_statistics(self, members: int) -> None:
        """Mean, and one probability after another."""
        mean, write = _filled((self._sum / members).astype(np.float32)), self._packer.write
        write(self._fields[f"{self.quantity.name}_mean"], (), mean)
        for k, counts in enumerate(self._reached):
            share = (counts / members).astype(np.float32)
            write(self._fields[PROBABILITY], (k,), np.where(mean == MISSING, MISSING, share))

    def _write_head(self) -> None:
        """Dimensions, coordinates, attributes and the variables that are to be filled."""
        coordinates = self._coordinates()
        for dimensions, values, _ in coordinates.values():
            for name, length in zip(dimensions, values.shape, strict=True):
                self._file.dimensions.setdefault(name, length)
        for name, (dimensions, values, about) in coordinates.items():
            packing = PACKING if len(dimensions) > 1 else {}
            variable = self._file.create_variable(name, dimensions, values.dtype, **packing)
            variable[...] = values
            variable.attrs.update(about)
        self._declare_fields()
        title = f"Radar nowcast: {self.quantity.text}"
        self._file.attrs.update(attributes(self.provenance, title))

    def _coordinates(self) -> dict[str, Variable]:
        where = pixel_axes(self.shape[1:]) if self.grid is None else map_axes(self.grid)
        found = {**_times(self.times, self.reference), **where}
        if self.members:
            found["realization"] = realization(self.members)
        if self.thresholds:
            text = f"threshold of {self.quantity.text}: reached by what is at or above it"
            about = {**self.quantity.attributes, "long_name": text}
            found["threshold"] = ("threshold",), np.array(self.thresholds, np.float64), about
        return found

    def _declare_fields(self) -> None:
        of, frame = self.quantity, ("time", "y", "x")
        if not self.members:
            self._declare(of.name, frame, of.attributes)
            return
        self._declare(of.name, ("realization", *frame), of.attributes)
        mean = {"long_name": f"{of.text}, mean of the members", "cell_methods": "realization: mean"}
        self._declare(f"{of.name}_mean", frame, {**of.attributes, **mean})
        if self.thresholds:
            text = f"probability that {of.text} reaches the threshold: share of the members"
            about = {"long_name": text, "units": "1"}
            self._declare(PROBABILITY, ("threshold", *frame), about)

    def _declare(self, name: str, dimensions: tuple[str, ...], about: Mapping[str, str]) -> None:
        sides = [min(side, BLOCK) for side in self.shape[1:]]
        chunks = (*(1 for _ in dimensions[:-2]), *sides)
        variable = self._file.create_variable(
            name, dimensions, np.float32, fillvalue=MISSING, chunks=chunks, **PACKING
        )
        beside = "forecast_period forecast_reference_time"
        if self.grid is not None:
            variable.attrs["grid_mapping"] = GRID_MAPPING
            beside += " latitude longitude"
        variable.attrs.update({**about, "coordinates": beside})

    def _most_bytes(self) -> int:
        """What the file may take at most, were nothing saved by compression."""
        fields = (self.members + 1 + len(self.thresholds)) if self.members else 1
        degrees = 2 * 8 * self.shape[1] * self.shape[2]
        return fields * int(np.prod(self.shape)) * MISSING.itemsize + degrees + HEAD_BYTES


def with_nan(values: np.ndarray) -> np.ndarray:
    """Values as they lie in a file as they were added to it: NaN is missing."""
    return np.where(values == MISSING, np.float32(np.nan), values)


def _times(times: np.ndarray, reference: np.ndarray) -> dict[str, Variable]:
    """Valid times, lead times and the time of the last observation."""
    units = {"units": "seconds since 1970-01-01 00:00:00", "calendar": "standard"}
    valid = {"standard_name": "time", "long_name": "valid time, UTC", "axis": "T", **units}
    lead = {"standard_name": "forecast_period", "long_name": "lead time", "units": "minutes"}
    name = "forecast_reference_time"
    start = {"standard_name": name, "long_name": "time of the last observed frame, UTC", **units}
    return {
        "time": (("time",), times.astype(np.int64), valid),
        "forecast_period": (("time",), (times - reference) / np.timedelta64(1, "m"), lead),
        name: ((), reference.astype(np.int64), start),
    }


def _seconds(times: np.ndarray | np.datetime64) -> np.ndarray:
    found = np.asarray(times).astype("datetime64[s]")
    if (found != times).any():
        raise ValueError(f"times: got {times}, expected whole seconds")
    return found


def _filled(values: np.ndarray) -> np.ndarray:
    return np.where(np.isnan(values), MISSING, values)
