"""The section `input`: what files of users hold where they do not say it, and what is made of it.

It belongs to the run that reads them, never to what a checkpoint means.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from mindcast.config.dates import Time
from mindcast.config.frozen import Frozen
from mindcast.config.numbers import MissingCode

Format = Literal[
    "auto",
    "knmi",
    "odim",
    "netcdf",
    "mch_gif",
    "mch_metranet",
    "fmi_pgm",
    "fmi_geotiff",
    "mrms",
    "saf_crri",
    "radolan",
    "sevir",
    "sequences",
    "npy",
    "picture",
]
Layout = Literal["sevir_h5", "meteonet", "shanghai", "cikm"]
Unit = Literal["dBZ", "mm/h", "mm", "VIL"]
Row = Annotated[int, Field(ge=0, le=65_536)]


class PowerLawSettings(Frozen):
    """Z = a R^b, radar reflectivity of a rain rate R in mm/h."""

    a: float = Field(default=200.0, gt=0, le=10_000)
    """Factor."""
    b: float = Field(default=1.6, gt=0.5, lt=4)
    """Exponent."""


class Conversion(Frozen):
    """How values of a file become what the model takes."""

    zr: PowerLawSettings = PowerLawSettings()
    """From rain rate to reflectivity and back (Marshall and Palmer 1948)."""
    lower_dbz: float | None = Field(default=5.0, ge=-50, le=60)
    """Reflectivity below it is no rain, 0, also of what becomes codes; 5 dBZ are 0.075 mm/h. null:
    all of it counts. Of sequences and SEVIR events nothing is cut off."""
    resample: Literal["mean", "none"] = "mean"
    """Frames of smaller pixels than the model's, where both are known: the mean rain rate over
    each of the model's pixels, or "none", pixels as they are."""
    missing_share: float = Field(default=0.0, ge=0, lt=1)
    """A pixel is missing where more than this share of it is missing in the file."""
    clip: bool = False
    """Cut off values beyond the model's scale, which are refused else."""


class InputSettings(Conversion):
    """What users' radar files hold where they do not say it, and how they become input.

    What a file says of itself counts first; what is given here beside it must agree with it.
    """

    format: Format = "auto"
    """Of the files; "auto": by what they hold. Others than that are refused where it is given."""
    variable: str = ""
    """Which variable of NetCDF, array of an .npz or quantity of ODIM; empty: the one of rain or
    reflectivity."""
    unit: Unit | None = None
    """Of the values where the file does not state it; "mm": in `accumulation_minutes`, "VIL":
    SEVIR's codes 0..255."""
    accumulation_minutes: float | None = Field(default=None, gt=0, le=1440)
    """Over which amounts were gathered, where the file does not state it."""
    physical_per_code: float | None = Field(default=None, gt=0)
    """Of pictures and .npy: value = code x `physical_per_code` + `offset`; null: refused for
    pictures, 1 for .npy."""
    offset: float = 0.0
    """Of pictures and .npy: value of code 0."""
    missing_code: MissingCode | None = None
    """Of pictures and .npy: code of missing pixels, besides NaN and transparent ones."""
    axes: Literal["thw", "hwt"] | None = None
    """Of .npy and sequences: "thw" (frames, height, width) or "hwt"; null: the first, and a shape
    that looks like another order is refused."""
    pixel_km: float | None = Field(default=None, gt=0, le=1000)
    """Side of the files' pixels where they do not say it."""
    event: str = ""
    """Which event of a SEVIR file, by its id or number."""
    layout: Layout | None = None
    """Of a file of sequences: the data set that it is laid out as; null: as it says itself."""
    sequence: str = ""
    """Which sequence of a file of sequences, such as test/12."""
    value_scale: float = Field(default=90.0, gt=0)
    """Of grey codes in a file of sequences: dBZ of code 255."""
    last_time: Time | None = None
    """When the last frame was taken, of files without times in them and in their names."""
    interval_minutes: int | None = Field(default=None, gt=0, le=1440)
    """Between the frames of such files; null: the model's."""
    crop: bool = False
    """Forecast a part of the size of the model's frame alone; false: the whole area, in tiles."""
    origin: tuple[Row, Row] | None = None
    """First row and column of that part, counted on the model's pixels; null: about the centre."""
