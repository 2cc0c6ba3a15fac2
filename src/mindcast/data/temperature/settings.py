"""The settings of the temperature data sets: which files, which part of them for which split."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveInt, model_validator

from mindcast.config.dates import Time
from mindcast.config.frozen import Frozen
from mindcast.config.marks import BOUND, LAYOUT, SPEED
from mindcast.data.base import Split
from mindcast.data.base_settings import DataSettings, Positive2

Rows = tuple[NonNegativeInt, PositiveInt]
Degrees = tuple[Annotated[float, Field(ge=-180, le=360)], Annotated[float, Field(ge=-180, le=360)]]


class PartSettings(Frozen):
    """What one split takes: all of its files, less what any of these keys leaves out."""

    files: tuple[str, ...] = ()
    """Names or patterns under `root_dir`; empty: those of `data.files`."""
    start: Time | None = None
    """First valid time, included, UTC; null: no bound."""
    end: Time | None = None
    """Last valid time, included, UTC; null: no bound."""
    rows: Rows | None = None
    """[first, one past the last] of the grid of the files; null: all."""
    columns: Rows | None = None
    """[first, one past the last] of the grid of the files; null: all. On a grid that closes the
    circle they may run on past its last column."""
    latitude: Degrees | None = None
    """[south, north] in degrees, for latitude-longitude grids; instead of `rows`."""
    longitude: Degrees | None = None
    """[west, east] in degrees, for latitude-longitude grids; instead of `columns`. On a grid that
    closes the circle they may lie on both sides of its first column, as [-10, 10] of 0..360."""

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
                raise ValueError(f"{one} and {other} set the same thing; give one of them")
        return self


class TemperatureSettings(DataSettings):
    """NetCDF files with temperature on pressure levels, one grid a file, under `root_dir`.

    Parts of different splits that share a valid time and a region are refused. Without any part the
    times, in order, are dealt out by `time_shares`.
    """

    name: Literal["temperature"]
    files: tuple[str, ...] = Field(default=("*.nc",), min_length=1)
    """Names or patterns ("era5_*.nc") under `root_dir`."""
    surface_files: tuple[str, ...] = ()
    """Names of files on the same grid for what the others lack at the ground: surface pressure (by
    valid time where it has a time axis), orography and land-sea mask. One for all, or one for each
    entry of `files`; a file with levels that holds a quantity keeps its own."""
    train: PartSettings | None = None
    """What the training takes; null: see `time_shares`."""
    val: PartSettings | None = None
    """What the validation takes."""
    test: PartSettings | None = None
    """What the test takes."""
    time_shares: tuple[NonNegativeFloat, NonNegativeFloat, NonNegativeFloat] = (0.7, 0.15, 0.15)
    """Shares of training, validation and test where no part is described; their sum is 1."""
    gap_hours: float = Field(default=0.0, ge=0, le=1e6)
    """Hours that splits which share a region stay apart at least."""
    gap_cells: NonNegativeInt = 0
    """Grid cells that splits which share a time stay apart."""
    crop_stride: PositiveInt = 32
    """Cells between the crops that a network trains on, a multiple of its factor."""
    coarsening: Annotated[Literal["block_mean", "bicubic"], BOUND] = "block_mean"
    """How the coarse field is made; "bicubic" is for comparison with other papers."""
    area_weight: Annotated[bool, BOUND] = False
    """Whether block means weigh rows with cos(latitude), on latitude-longitude grids."""
    wind_axes: Annotated[Literal["auto", "grid", "earth"], LAYOUT] = "auto"
    """Winds of a projected grid: "grid" where they follow its axes, "earth" where they point east
    and north (they are turned then), "auto" as the file has it."""
    cache_mb: Annotated[PositiveInt, SPEED] = 512
    """Memory that a process may keep states in, MB."""

    @property
    def meaning(self) -> str:
        """Unit and how the coarse field was made."""
        return f"K, coarsened by {self.coarsening}"

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
    grid_size: Positive2 = (64, 96)
    """(H, W) of the generated grid, cells; at least 16 x 16."""
    states: int = Field(default=12, ge=3, le=100_000)
    """How many are generated."""
    seed: int = Field(default=0, ge=0)
    """Of the generated states."""

    @model_validator(mode="after")
    def _grid_is_large_enough(self) -> SyntheticTemperatureSettings:
        if min(self.grid_size) < 16:
            raise ValueError(f"grid_size = {list(self.grid_size)}, must be at least 16 x 16")
        return self
