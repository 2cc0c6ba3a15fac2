import numpy as np
import pytest
import xarray

from mindcast.config.verification import ForecastSettings
from mindcast.data.forecasts.read import open_forecast
from mindcast.refusal import Refusal
from tests.data.forecasts.files import LEADS, SIDE, START, STEP, frames, grid, write_forecast

LEAD_TIMES = STEP * np.arange(1, LEADS + 1)


def ensemble(members=2):
    values = np.stack([frames(LEADS, seed=m) for m in range(members)])
    values[0, 1, 2, 3] = np.nan
    return values


def opened(path, **about):
    return open_forecast(path, ForecastSettings(**about))


def all_of(file, issue=0):
    return file.frames(issue, range(len(file.times.leads)))


def test_a_file_of_ours_is_read_as_it_was_written(tmp_path):
    file = opened(write_forecast(tmp_path / "a.nc", ensemble(), grid()))
    np.testing.assert_array_equal(all_of(file), ensemble())
    assert (file.variable, file.unit, file.members, file.shape) == (
        *("reflectivity", "dBZ", 2),
        (SIDE, SIDE),
    )
    assert file.times.references.tolist() == [START.astype(object)]
    np.testing.assert_array_equal(file.times.leads, LEAD_TIMES)
    np.testing.assert_allclose(file.grid.x, grid().x)
    np.testing.assert_allclose(file.grid.y, grid().y)
    assert file.thresholds == (20, 40)
    assert file.made_by["source"] == "a model"
    np.testing.assert_array_equal(file.frames(0, [2]), ensemble()[:, 2:])


@pytest.mark.parametrize("unit", ["VIL", "mm/h", "dBZ"])
def test_a_file_without_members_and_map_keeps_its_unit(tmp_path, unit):
    file = opened(write_forecast(tmp_path / "a.nc", ensemble()[0], unit=unit))
    assert (file.unit, file.members, file.grid) == (unit, None, None)
    np.testing.assert_allclose(all_of(file), ensemble()[0], rtol=1e-6)
    assert "no map" in file.notes[0]


def pysteps_like(values):
    """As pysteps 1.21 writes it: members without standard name, km, time since the start."""
    where = grid()
    along = {"standard_name": "projection_x_coordinate", "units": "km"}
    up = {"standard_name": "projection_y_coordinate", "units": "km"}
    return xarray.Dataset(
        {"precip_intensity": (("ens_number", "time", "y", "x"), values, {"units": "mm h-1"})},
        {
            "ens_number": np.arange(1, len(values) + 1),
            "time": ("time", 300 * np.arange(1, LEADS + 1), {"units": f"seconds since {START}"}),
            "y": ("y", where.y / 1000, up),
            "x": ("x", where.x / 1000, along),
        },
        {"source": "pysteps v1.21.5"},
    )


def test_a_file_of_pysteps_begins_when_its_time_is_counted_from(tmp_path):
    pysteps_like(ensemble()).to_netcdf(tmp_path / "a.nc")
    file = opened(tmp_path / "a.nc")
    assert (file.unit, file.members) == ("mm/h", 2)
    assert file.times.references.tolist() == [START.astype(object)]
    np.testing.assert_array_equal(file.times.leads, LEAD_TIMES)
    np.testing.assert_allclose(all_of(file), ensemble(), rtol=1e-6)


def grib_like(values):
    """number, time (two of beginning), step, latitude from south to north; kg m-2 s-1."""
    degrees = np.linspace(45, 46, SIDE)
    return xarray.Dataset(
        {
            "prate": (
                ("time", "number", "step", "latitude", "longitude"),
                np.stack([values, 2 * values]) / 3600,
                {"units": "kg m**-2 s**-1", "standard_name": "precipitation_flux"},
            ),
            "skill": ((), 1.0),
        },
        {
            "time": ("time", [0, 1], {"units": f"hours since {START}"}),
            "number": ("number", np.arange(len(values)), {"standard_name": "realization"}),
            "step": (
                "step",
                np.arange(1, LEADS + 1) / 12,
                {"units": "hours", "standard_name": "forecast_period"},
            ),
            "latitude": (
                "latitude",
                degrees,
                {"units": "degrees_north", "standard_name": "latitude"},
            ),
            "longitude": (
                "longitude",
                degrees,
                {"units": "degrees_east", "standard_name": "longitude"},
            ),
        },
    )


def test_lead_times_from_several_beginnings_are_several_forecasts(tmp_path):
    grib_like(ensemble()).to_netcdf(tmp_path / "a.nc")
    file = opened(tmp_path / "a.nc")
    hour = np.timedelta64(1, "h")
    assert file.times.references.tolist() == [
        START.astype(object),
        (START + hour).astype(object),
    ]
    np.testing.assert_array_equal(file.times.leads, LEAD_TIMES)
    # rows from the north, mm/h: kg/m2/s times 3600
    np.testing.assert_allclose(all_of(file, 0), ensemble()[..., ::-1, :], rtol=1e-5)
    np.testing.assert_allclose(all_of(file, 1), 2 * ensemble()[..., ::-1, :], rtol=1e-5)
    assert file.grid.y[0] > file.grid.y[-1]


def test_the_order_of_axes_makes_no_difference(tmp_path):
    turned = pysteps_like(ensemble()).transpose("x", "time", "y", "ens_number")
    turned.to_netcdf(tmp_path / "a.nc")
    np.testing.assert_allclose(all_of(opened(tmp_path / "a.nc")), ensemble(), rtol=1e-6)


def test_amounts_become_rates_by_the_time_that_is_stated(tmp_path):
    data = pysteps_like(ensemble() / 12)
    data["precip_intensity"].attrs["units"] = "mm"
    data.to_netcdf(tmp_path / "a.nc")
    file = opened(tmp_path / "a.nc", accumulation_minutes=5)
    np.testing.assert_allclose(all_of(file), ensemble(), rtol=1e-6)
    with pytest.raises(Refusal, match=r"amounts in mm .* set forecast\.accumulation_minutes"):
        all_of(opened(tmp_path / "a.nc"))


def test_statistics_and_probabilities_are_not_taken_for_the_forecast(tmp_path):
    data = xarray.open_dataset(
        write_forecast(tmp_path / "a.nc", ensemble(), grid()), decode_times=False
    )
    assert {"reflectivity_mean", "probability_of_exceedance"} <= {*data}
    assert opened(tmp_path / "a.nc").variable == "reflectivity"
    assert opened(tmp_path / "a.nc", variable="reflectivity_mean").members is None


def changed(tmp_path, change):
    data = pysteps_like(ensemble())
    data.attrs.clear()
    data["start"] = ((), 0, {**data.time.attrs, "standard_name": "forecast_reference_time"})
    change(data).to_netcdf(tmp_path / "a.nc")
    return tmp_path / "a.nc"


def with_unit(data, unit):
    data["precip_intensity"].attrs["units"] = unit
    return data


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.drop_vars("start"), r"does not state when the forecast began .*is no forec"),
        (lambda d: with_unit(d, "K"), r"is in 'K', expected dBZ, .* another forecast\.variable"),
        (lambda d: d.assign_coords(time=d.time - 3600), "is no forecast, its lead times are -55"),
        (lambda d: d.isel(time=0, ens_number=0, drop=True), r"is no forecast, it holds no vari"),
        (lambda d: d.expand_dims(level=[1, 2]), r"has the axes level \(2\), ens_number \(2\), "),
        (lambda d: d.drop_vars("time"), "does not state the times of precip_intensity"),
        (lambda d: d.rename(precip_intensity="a").assign(b=d.precip_intensity), "no variable of"),
    ],
    ids=["beginning", "unit", "past", "no times", "axis", "no clock", "two"],
)
def test_what_is_no_forecast_is_refused(tmp_path, change, message):
    path = changed(tmp_path, lambda d: change(d.copy(deep=True)))
    with pytest.raises(Refusal, match=message) as caught:
        opened(path)
    assert str(caught.value).startswith(str(path))


def test_the_beginning_can_be_given_where_the_file_does_not_state_it(tmp_path):
    path = changed(tmp_path, lambda d: d.drop_vars("start"))
    file = opened(path, reference="2020-06-01 11:55")
    np.testing.assert_array_equal(file.times.leads, LEAD_TIMES + STEP)
    with pytest.raises(Refusal, match=r"began at 2020-06-01T12:00:00 .* not at forecast.reference"):
        opened(changed(tmp_path, lambda d: d), reference="2020-06-01 11:55")


def test_one_time_without_an_axis_is_one_lead_time(tmp_path):
    path = changed(tmp_path, lambda d: d.isel(time=1))
    file = opened(path)
    assert file.times.leads.tolist() == [(2 * STEP).astype(object)]
    np.testing.assert_allclose(all_of(file), ensemble()[:, 1:2], rtol=1e-6)
