"""Made-up files: every value is right to rounding, or the file is refused in one line."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cftime
import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from mindcast.data.temperature.scan import scan
from mindcast.refusal import Refusal

LEVELS = np.array([1000.0, 850.0, 500.0])
HEIGHT, WIDTH, TIMES, MEMBERS = 4, 5, 3, 2
FIRST = np.datetime64("2019-01-01T00:00")
RNG = np.random.default_rng(0)
TRUTH = (
    280
    - (1000 - LEVELS[:, None, None]) / 12
    + RNG.normal(size=(TIMES, MEMBERS, len(LEVELS), HEIGHT, WIDTH))
)
PRESSURE = 95000 + 3000 * RNG.random((TIMES, HEIGHT, WIDTH))

# unit -> what the file holds for temperatures in K
TEMPERATURE = {
    "K": lambda t: t,
    "degree_K": lambda t: t,
    "degree_Celsius": lambda t: t - 273.15,
    "deg C": lambda t: t - 273.15,
    "degF": lambda t: (t - 273.15) * 9 / 5 + 32,
    "0.1 K": lambda t: 10 * t,
    None: lambda t: t,
}
WRONG_TEMPERATURE = ("m", "furlong", "K m-1", "", "?%&", "since", 7, "(")
LEVEL_UNITS = {"hPa": 1, "Pa": 100, "millibars": 1, "kPa": 0.1, "mb": 1, None: 1, "pascal": 100}
WRONG_LEVELS = ("m", "K", "1", "level", "sigma", "kilofurlong")
LEAD_UNITS = {"hours": 1, "ns": 3600e9, "milliseconds": 3600e3, "minutes": 60, "seconds": 3600}
WRONG_LEADS = ("months", "m", "parsec", "", "steps")
CALENDARS = (
    "standard",
    "noleap",
    "360_day",
    "julian",
    "proleptic_gregorian",
    "all_leap",
    "lunar",
)
FORMATS = (
    "NETCDF4",
    "NETCDF4_CLASSIC",
    "NETCDF3_CLASSIC",
    "NETCDF3_64BIT_OFFSET",
    "NETCDF3_64BIT_DATA",
)


@dataclass(frozen=True)
class Recipe:
    unit: object = "K"
    level_unit: object = "hPa"
    level_name: str = "level"
    rising: bool = False
    lead_unit: str | None = None
    calendar: str = "standard"
    member: str | None = None
    packed: bool = False
    fill: float | None = None
    one_cell: str | None = None
    second_time: bool = False
    versions: bool = False
    order: tuple[int, ...] = (0, 1, 2, 3, 4)
    file_format: str = "NETCDF4"
    width: str = "f4"


def maybe(right, wrong):
    """One of the right values, in one of eight cases a wrong one."""
    right, wrong = list(right), list(wrong)
    return st.integers(0, 15).flatmap(lambda n: st.sampled_from(wrong if n == 7 else right))


RECIPES = st.builds(
    Recipe,
    unit=maybe(TEMPERATURE, WRONG_TEMPERATURE),
    level_unit=maybe(LEVEL_UNITS, WRONG_LEVELS),
    level_name=st.sampled_from(["level", "plev", "isobaric1", "pressure_level", "lev"]),
    rising=st.booleans(),
    lead_unit=st.one_of(st.none(), maybe(LEAD_UNITS, WRONG_LEADS)),
    calendar=st.sampled_from(CALENDARS),
    member=st.sampled_from([None, "numbers", "names", "halves"]),
    packed=st.booleans(),
    fill=st.sampled_from([None, -9999.0, 1e20]),
    one_cell=st.sampled_from([None, "surface", "height", "lev_2", "month", "time7"]),
    second_time=st.booleans(),
    versions=st.booleans(),
    order=st.permutations(range(5)).map(tuple),
    file_format=st.sampled_from(FORMATS),
    width=st.sampled_from(["f4", "f8"]),
)


def made(recipe: Recipe) -> xr.Dataset:
    to_file = TEMPERATURE.get(recipe.unit, lambda t: t)
    values = to_file(TRUTH).astype(recipe.width)
    if recipe.fill is not None and not recipe.packed:
        values = np.where(LEVELS[:, None, None] > 999, recipe.fill, values).astype(recipe.width)
    attributes = {} if recipe.unit is None else {"units": recipe.unit}
    names = ["time", "number", recipe.level_name, "lat", "lon"]
    data = xr.Dataset(
        {
            "t": (names, values, attributes),
            "sp": (["time", "lat", "lon"], PRESSURE, {"units": "Pa"}),
        },
        {
            recipe.level_name: (
                recipe.level_name,
                LEVELS * LEVEL_UNITS.get(recipe.level_unit, 1),
                {} if recipe.level_unit is None else {"units": recipe.level_unit},
            ),
            "lat": ("lat", 50.0 + np.arange(HEIGHT), {"units": "degrees_north"}),
            "lon": ("lon", 10.0 + np.arange(WIDTH), {"units": "degrees_east"}),
        },
    )
    hours = 6 * np.arange(TIMES)
    stamp = {"units": "hours since 2019-01-01", "calendar": recipe.calendar}
    if recipe.lead_unit is None:
        data = data.assign_coords(time=("time", hours, stamp))
    else:
        factor = LEAD_UNITS.get(recipe.lead_unit, 1)
        data = data.rename(time="lead_time").assign_coords(
            lead_time=("lead_time", (hours * factor).astype("f8"), {"units": recipe.lead_unit}),
            time=((), 0, stamp),
        )
    return dressed(recipe, data)


def dressed(recipe: Recipe, data: xr.Dataset) -> xr.Dataset:
    if recipe.member is None:
        data = data.isel(number=0)
    else:
        named = {"numbers": [4, 7], "names": ["c00", "p01"], "halves": [0.5, 1.5]}[recipe.member]
        data = data.assign_coords(number=("number", np.array(named)))
    if recipe.one_cell:
        data["sp"] = data.sp.expand_dims({recipe.one_cell: [12.0]})
    if recipe.second_time and recipe.lead_unit is None:
        data["sp"] = data.sp.rename(time="time1")
        data["time1"].attrs = dict(data.time.attrs)
    if recipe.versions:
        both = data.t.expand_dims(expver=[1, 5]).astype("f8").copy()
        both[0, -1], both[1, :-1] = np.nan, np.nan
        data["t"] = both.astype(data.t.dtype) if both.dims[1] in ("time", "lead_time") else data.t
    dims = list(data.t.dims)
    data["t"] = data.t.transpose(*sorted(dims, key=lambda d: recipe.order[dims.index(d) % 5]))
    return data.isel({recipe.level_name: slice(None, None, -1)}) if recipe.rising else data


def written(recipe: Recipe, path: Path) -> float:
    """Writes the file; how far its temperatures are rounded, K."""
    encoding: dict[str, dict[str, object]] = {}
    if recipe.packed:
        encoding["t"] = {"dtype": "i2", "scale_factor": 0.02, "add_offset": 200.0}
        encoding["t"]["_FillValue"] = np.int16(-32768)
    made(recipe).to_netcdf(path, engine="netcdf4", format=recipe.file_format, encoding=encoding)
    return 0.02 if recipe.packed else 1e-3


def read(path: Path):
    """Every field of a file by valid time and number of its member, or the refusal."""
    wanted = ["temperature", "surface_pressure"]
    try:
        file = scan(path)
        return {
            (state.time, state.member): file.read_all(wanted, state, (850.0, 500.0))
            for state in file.states
        }
    except Refusal as refusal:
        return str(refusal)


def expected(recipe: Recipe):
    numbers = {None: [None], "numbers": [4, 7], "names": [0, 1], "halves": [0, 1]}[recipe.member]
    for i in range(TIMES):
        for j, number in enumerate(numbers):
            yield FIRST + np.timedelta64(6 * i, "h"), number, TRUTH[i, j, 1:], PRESSURE[i]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@given(recipe=RECIPES)
def test_a_file_is_read_right_or_refused_in_one_line(tmp_path_factory, recipe):
    path = tmp_path_factory.mktemp("made") / "a.nc"
    rounding = written(recipe, path)
    before = path.read_bytes()
    found = read(path)
    if isinstance(found, str):
        assert "\n" not in found
        assert str(path) in found
        assert not plain(recipe), found
    else:
        for time, member, temperature, pressure in expected(recipe):
            fields = found.pop((time, member))
            np.testing.assert_allclose(fields["temperature"], temperature, atol=rounding)
            np.testing.assert_allclose(fields["surface_pressure"], pressure)
        assert not found
    assert path.read_bytes() == before


def plain(recipe: Recipe) -> bool:
    """Whether nothing about the file gives a reason to refuse it."""
    return (
        recipe.unit in TEMPERATURE
        and recipe.level_unit in LEVEL_UNITS
        and (recipe.lead_unit is None or recipe.lead_unit in LEAD_UNITS)
        and recipe.calendar != "lunar"
        and recipe.one_cell != "time7"
        # packed with one range for all, in which Fahrenheit and tenths do not fit
        and not (recipe.packed and recipe.unit in ("0.1 K", "degF", "degree_Celsius", "deg C"))
    )


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@given(
    file_format=st.sampled_from(FORMATS),
    cut=st.booleans(),
    at=st.floats(0, 1, exclude_max=True),
    byte=st.integers(0, 255),
)
def test_a_damaged_file_is_refused_in_one_line_or_read(
    tmp_path_factory, file_format, cut, at, byte
):
    path = tmp_path_factory.mktemp("damaged") / "a.nc"
    written(Recipe(file_format=file_format), path)
    content = bytearray(path.read_bytes())
    place = int(at * len(content))
    if cut:
        del content[place:]
    else:
        content[place] = byte
    path.write_bytes(content)
    found = read(path)
    if isinstance(found, str):
        assert "\n" not in found
        assert str(path) in found
    else:
        assert not cut  # what is cut off is not made up
    assert path.read_bytes() == bytes(content)


def test_the_calendars_of_the_recipes_are_those_of_cftime():
    known = {*CALENDARS} - {"lunar"}
    assert all(cftime.datetime(2019, 1, 1, calendar=name).isoformat() for name in known)
