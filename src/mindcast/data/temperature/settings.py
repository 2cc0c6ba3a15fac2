"""The settings of the temperature data sets: which files, which part of them for which split."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveInt, model_validator

from mindcast.config.frozen import Frozen
from mindcast.data.base import Split
from mindcast.data.base_settings import DataSettings, Time

Rows = tuple[NonNegativeInt, PositiveInt]
Degrees = tuple[Annotated[float, Field(ge=-180, le=360)], Annotated[float, Field(ge=-180, le=360)]]


class PartSettings(Frozen):
    """What one split takes: all of its files, less what any of these keys leaves out.

    files: names or patterns under `root_dir`; empty: those of `data.files`.
    start, end: first and last valid time, both included, UTC.
    rows, columns: [first, one past the last] of the grid of the files.
    latitude, longitude: [south, north] and [west, east] in degrees, for latitude-longitude grids.
    """

    files: tuple[str, ...] = ()
    start: Time | None = None
    end: Time | None = None
    rows: Rows | None = None
    columns: Rows | None = None
    latitude: Degrees | None = None
    longitude: Degrees | None = None

    @model_validator(mode="after")
    def _ranges_make_sense(self) -> PartSettings:
        if self.start and self.end and self.start > self.end:
            raise ValueError(f"start = {self.start} comes after end = {self.end}")
        for name in ("rows", "columns", "latitude"):
            box = getattr(self, name)
            if box and box[0] >= box[1]:
                raise ValueError(f"{name} = {list(box)}, the second must be the larger")
        for one, other in (("rows", "latitude"), ("columns", "longitude")):
            if getattr(self, one) and getattr(self, other):
                raise ValueError(f"{one} and {other} say the same thing; give one of them")
        return self


class TemperatureSettings(DataSettings):
    """NetCDF files with temperature on pressure levels, one grid a file, under `root_dir`.

    files: names or patterns ("era5_*.nc").
    surface_files: names of files on the same grid for what the others lack at the ground: surface
        pressure (by valid time where it has a time axis), orography and land-sea mask. One for all,
        or one for each entry of `files`; a file with levels that holds a quantity keeps its own.
    train, val, test: what each split takes, see `PartSettings`; parts that share a valid time and
        a region are refused. Without any of them the times, in order, are dealt out by
        `time_shares`.
    gap_hours: splits that share a region stay at least so far apart in time.
    gap_cells: splits that share a time stay so many grid cells apart.
    crop_stride: cells between the crops that a network trains on, a multiple of its factor.
    coarsening: how the coarse field is made; "bicubic" is for comparison with other papers.
    area_weight: whether block means weigh rows with cos(latitude), on latitude-longitude grids.
    wind_axes: "grid" where winds of a projected grid follow its axes, "earth" where they point
        east and north (they are turned then), "auto" where the file says so.
    cache_mb: memory that a process may keep states in.
    """

    name: Literal["temperature"]
    files: tuple[str, ...] = Field(default=("*.nc",), min_length=1)
    surface_files: tuple[str, ...] = ()
    train: PartSettings | None = None
    val: PartSettings | None = None
    test: PartSettings | None = None
    time_shares: tuple[NonNegativeFloat, NonNegativeFloat, NonNegativeFloat] = (0.7, 0.15, 0.15)
    gap_hours: NonNegativeFloat = 0.0
    gap_cells: NonNegativeInt = 0
    crop_stride: PositiveInt = 32
    coarsening: Literal["block_mean", "bicubic"] = "block_mean"
    area_weight: bool = False
    wind_axes: Literal["auto", "grid", "earth"] = "auto"
    cache_mb: PositiveInt = 512

    @property
    def parts(self) -> dict[Split, PartSettings]:
        """The splits that are described, by their names."""
        given: dict[Split, PartSettings | None] = {
            "train": self.train,
            "val": self.val,
            "test": self.test,
        }
        return {name: part for name, part in given.items() if part is not None}

    @model_validator(mode="after")
    def _every_entry_has_its_surface(self) -> TemperatureSettings:
        given = {"files": self.files}
        given |= {f"{name}.files": part.files for name, part in self.parts.items() if part.files}
        for key, files in given.items():
            if len(self.surface_files) not in (0, 1, len(files)):
                raise ValueError(
                    f"surface_files names {len(self.surface_files)} files, expected one for all "
                    f"or {len(files)}, one for each entry of {key}"
                )
        return self

    @model_validator(mode="after")
    def _shares_are_parts_of_one(self) -> TemperatureSettings:
        if abs(sum(self.time_shares) - 1) > 1e-6:
            raise ValueError(f"time_shares = {list(self.time_shares)}, must sum to 1")
        return self


class SyntheticTemperatureSettings(TemperatureSettings):
    """Files of a made-up atmosphere, generated into `root_dir` when first opened.

    Differs from files of a model: no two states follow from each other; each is drawn anew.
    """

    # all settings of files but the name by which the table of data sets knows them
    name: Literal["synthetic_temperature"]  # type: ignore[assignment]
    grid_size: tuple[PositiveInt, PositiveInt] = (64, 96)
    states: int = Field(default=12, ge=3)
    seed: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _grid_is_large_enough(self) -> SyntheticTemperatureSettings:
        if min(self.grid_size) < 16:
            raise ValueError(f"grid_size = {list(self.grid_size)}, must be at least 16 x 16")
        return self
