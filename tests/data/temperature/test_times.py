import numpy as np
import pytest
import xarray as xr

from mindcast.data.temperature.scan import scan
from mindcast.refusal import Refusal
from tests.data.temperature.files import LEVELS, dataset, write

HOURS = np.arange(4) * 6.0
EXPECTED = ["2020-01-01T00:00", "2020-01-01T06:00", "2020-01-01T12:00", "2020-01-01T18:00"]
BEGIN = np.datetime64("2020-01-01T00", "ns")


def forecast(values=HOURS, units="hours", name="step", begin="time"):
    """The fields as one forecast: when it began, and lead times along an axis of their own."""
    data = dataset().rename(time=name).drop_vars(name)
    attributes = {} if units is None else {"units": units}
    return data.assign_coords({name: (name, values, attributes), begin: BEGIN})


def times(data, path, **options):
    return [str(state.time) for state in scan(write(data, path, **options)).states]


def refusal(data, path):
    write(data, path)
    with pytest.raises(Refusal) as caught:
        scan(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    return message


@pytest.mark.parametrize(
    ("units", "an_hour"),
    [
        ("hours", 1),
        ("h", 1),
        ("hr", 1),
        ("days", 1 / 24),
        ("minutes", 60),
        ("min", 60),
        ("seconds", 3600),
        ("milliseconds", 3600 * 10**3),
        ("ms", 3600 * 10**3),
        ("microseconds", 3600 * 10**6),
        ("us", 3600 * 10**6),
        ("nanoseconds", 3600 * 10**9),
        ("ns", 3600 * 10**9),
    ],
)
@pytest.mark.parametrize("kind", ["f8", "i8"])
def test_lead_times_are_read_in_every_unit_of_time(tmp_path, units, an_hour, kind):
    values = (HOURS * an_hour).astype("f8" if units == "days" else kind)
    assert times(forecast(values, units), tmp_path / "a.nc") == EXPECTED


def test_lead_times_are_read_as_xarray_writes_them(tmp_path):
    data = (
        forecast()
        .drop_vars("step")
        .assign_coords(step=("step", (HOURS * 3600e9).astype("timedelta64[ns]")))
    )
    data.step.encoding = {"units": "nanoseconds", "dtype": "int64"}
    assert times(data, tmp_path / "a.nc") == EXPECTED


@pytest.mark.parametrize("units", ["months", "years", "m", "parsec", "steps", "1", None])
def test_lead_times_in_other_units_are_refused(tmp_path, units):
    stated = f"in {units!r}" if units else "without a unit"
    expected = f"axis step holds lead times {stated}, expected a unit of time such as hours"
    assert expected in refusal(forecast(units=units), tmp_path / "a.nc")


def test_lead_times_that_are_missing_are_refused(tmp_path):
    message = refusal(forecast(np.array([0, 6, np.nan, 18])), tmp_path / "a.nc")
    assert "step holds lead times that are missing" in message


@pytest.mark.parametrize(
    "name",
    [
        "step",
        "lead",
        "lead_time",
        "leadtime",
        "prediction_timedelta",
        "forecast_hour",
        "forecast_period",
        "fhr",
        "forecast_time0",
    ],
)
@pytest.mark.parametrize("begin", ["time", "forecast_reference_time", "initial_time", "reftime"])
def test_a_forecast_is_known_by_its_usual_names(tmp_path, name, begin):
    path = write(forecast(name=name, begin=begin), tmp_path / "a.nc")
    states = scan(path).states
    assert [str(state.time) for state in states] == EXPECTED
    assert {str(state.run) for state in states} == {EXPECTED[0]}


def test_a_name_that_is_its_unit_needs_none(tmp_path):
    assert times(forecast(units=None, name="forecast_hour"), tmp_path / "a.nc") == EXPECTED


def test_valid_times_of_their_own_are_not_shifted(tmp_path):
    valid = dataset().time.values
    cf = forecast(name="lead_time", begin="forecast_reference_time")
    cf = cf.assign_coords(time=("lead_time", valid))
    assert times(cf, tmp_path / "cf.nc") == EXPECTED
    cfgrib = forecast(units=None).assign_coords(valid_time=("step", valid))
    assert times(cfgrib, tmp_path / "cfgrib.nc") == EXPECTED
    beside = dataset().assign_coords(forecast_period=("time", HOURS, {"units": "hours"}))
    assert times(beside, tmp_path / "beside.nc") == EXPECTED


def test_lead_times_beside_valid_times_need_no_unit(tmp_path):
    beside = dataset().assign(lead=("time", HOURS))
    states = scan(write(beside, tmp_path / "a.nc")).states
    assert [str(state.time) for state in states] == EXPECTED
    assert {state.run for state in states} == {None}


def test_another_duration_is_no_lead_time(tmp_path):
    data = dataset().assign_coords(averaged_over=((), 6.0, {"units": "hours"}))
    assert times(data, tmp_path / "a.nc") == EXPECTED


def test_a_single_lead_time_belongs_to_the_begin_of_the_forecast(tmp_path):
    data = dataset().isel(time=0).assign_coords(step=((), 12.0, {"units": "hours"}))
    assert times(data, tmp_path / "a.nc") == ["2020-01-01T12:00"]


@pytest.mark.parametrize("two_dimensional", [False, True])
def test_runs_by_steps_have_the_sum_as_their_valid_time(tmp_path, two_dimensional):
    begins = BEGIN + np.arange(2) * np.timedelta64(12, "h")
    runs = xr.concat([forecast().assign_coords(time=begin) for begin in begins], "time")
    if two_dimensional:
        valid = begins[:, None] + (HOURS * 3600e9).astype("timedelta64[ns]")
        runs = runs.assign_coords(valid_time=(("time", "step"), valid))
    states = scan(write(runs, tmp_path / "a.nc")).states
    assert [str(s.time)[8:13] for s in states] == [
        *("01T00", "01T06", "01T12", "01T18"),
        *("01T12", "01T18", "02T00", "02T06"),
    ]
    assert [str(s.run)[8:13] for s in states] == ["01T00"] * 4 + ["01T12"] * 4


def counted(values, units, calendar="standard", kind="f8"):
    attributes = {"units": units, "calendar": calendar}
    return dataset().assign_coords(time=("time", np.array(values, kind), attributes))


@pytest.mark.parametrize(
    ("values", "units", "calendar", "last"),
    [
        # 2001 is no leap year: both calendars go from 28 February to 1 March
        ([0, 1, 2, 3], "days since 2001-02-26", "noleap", "2001-03-01T00:00"),
        ([0, 1, 2, 3], "days since 2001-02-26", "365_day", "2001-03-01T00:00"),
        # 2000 is one, but not for noleap
        ([0, 1, 2, 3], "days since 2000-02-26", "noleap", "2000-03-01T00:00"),
        ([0, 1, 2, 3], "days since 2000-02-26", "NOLEAP", "2000-03-01T00:00"),
        ([0, 1, 2, 3], "days since 2000-02-26", "all_leap", "2000-02-29T00:00"),
        # every month has 30 days
        ([0, 1, 2, 3], "days since 2001-01-29", "360_day", "2001-02-02T00:00"),
        ([0, 1, 2, 3], "months since 2001-01-01", "360_day", "2001-04-01T00:00"),
        ([0, 1, 2, 3], "days since 1501-02-27", "julian", "1501-03-02T00:00"),
        ([0, 1, 2, 3], "days since 1501-02-27", "standard", "1501-03-02T00:00"),
        # 1500 is a leap year for julian alone
        ([0, 1, 2, 3], "days since 1500-02-27", "proleptic_gregorian", "1500-03-02T00:00"),
        ([0, 1, 2, 3], "days since 2300-01-01", "standard", "2300-01-04T00:00"),
        ([0, 1, 2, 3], "days since 0001-01-01", "standard", "0001-01-04T00:00"),
        ([0, 1, 2, 61000.25], "days since 1850-01-01", "gregorian", "2017-01-05T06:00"),
        ([0, 1, 2, 3], "hours since 2000-01-01 00:00 +01:00", "standard", "2000-01-01T02:00"),
        ([0, 1, 2, 3], "days since 2000-1-1 00:00:0.0", "", "2000-01-04T00:00"),
        (
            [20190101, 20190101.25, 20190101.5, 20190131.75],
            "day as %Y%m%d.%f",
            "proleptic_gregorian",
            "2019-01-31T18:00",
        ),
    ],
)
def test_dates_of_every_calendar_keep_their_names(tmp_path, values, units, calendar, last):
    assert times(counted(values, units, calendar), tmp_path / "a.nc")[-1] == last


def test_half_hours_in_days_are_whole_minutes(tmp_path):
    found = times(counted(61000 + np.arange(4) / 48, "days since 1850-01-01"), tmp_path / "a.nc")
    assert [time[11:] for time in found] == ["00:00", "00:30", "01:00", "01:30"]


@pytest.mark.parametrize("calendar", ["360_day", "all_leap"])
def test_a_date_that_the_standard_calendar_has_not_is_refused(tmp_path, calendar):
    data = counted([27, 28, 29, 30], "days since 2001-02-01", calendar)
    message = refusal(data, tmp_path / "a.nc")
    assert f"time holds 2001-02-29 of the calendar {calendar}, which the standard" in message
    assert "convert_calendar('standard', align_on='year')" in message


@pytest.mark.parametrize(
    ("values", "units", "calendar", "words"),
    [
        ([0, 1, 2, 3], "months since 2000-01-01", "standard", "'months since 2000-01-01'"),
        ([0, 1, 2, 3], "days since 2000-01-01", "lunar", "calendar 'lunar', which cannot be"),
        ([0, 1, 2, 3], "furlongs since 2000-01-01", "standard", "cdo setreftime"),
        ([0, 1, 2, 1e300], "days since 2000-01-01", "standard", "which cannot be decoded"),
        ([0, 1, 2, np.nan], "days since 2000-01-01", "noleap", "times that are missing"),
        ([0, 1, 2, np.nan], "days since 2000-01-01", "standard", "times that are missing"),
        ([20190101, 20190102, 20190103, 20191301], "day as %Y%m%d.%f", "standard", "2.01913e+07"),
        ([0, 30, 60, 90], "seconds since 2000-01-01", "standard", "no whole minute"),
    ],
)
def test_times_that_cannot_be_had_are_refused(tmp_path, values, units, calendar, words):
    message = refusal(counted(values, units, calendar), tmp_path / "a.nc")
    assert words in message
    assert "decode_times" not in message


def test_times_that_float32_has_rounded_are_refused(tmp_path):
    # 1051896.1 h is kept as 1051896.125 h, 7.5 minutes past the hour
    data = counted([1051890, 1051896.1, 1051902, 1051908], "hours since 1900-01-01", kind="f4")
    message = refusal(data, tmp_path / "a.nc")
    assert "time holds 2020-01-01T00:07:30" in message
    assert "kept as float32" in message


def test_times_as_text_are_read(tmp_path):
    written = ["2020-01-01 00:00", "2020-01-01_06:00:00", "2020-01-01T12:00Z", "2020-01-01T18"]
    data = dataset().assign_coords(time=("time", np.array(written, object)))
    assert times(data, tmp_path / "a.nc") == EXPECTED


def test_times_without_units_are_refused(tmp_path):
    data = dataset().assign_coords(time=("time", [2019010100, 2019010106, 2019010112, 2019010118]))
    assert "time has no units, no time that can be decoded" in refusal(data, tmp_path / "a.nc")


def test_bounds_of_times_are_no_times(tmp_path):
    data = dataset()
    data["time"].attrs["bounds"] = "time_bnds"
    data["time"].encoding["units"] = "hours since 2000-01-01"
    bounds = np.stack([data.time.values - np.timedelta64(6, "h"), data.time.values], axis=1)
    data["time_bnds"] = (("time", "nv"), bounds)
    path = tmp_path / "a.nc"
    assert times(data, path, unlimited_dims=["time"]) == EXPECTED
    file = scan(path)
    np.testing.assert_array_equal(
        file.read("temperature", file.states[2], LEVELS), dataset().t.values[2]
    )
