import numpy as np
import pytest
import xarray

from mindcast.output.downscale import write_temperature
from mindcast.refusal import Refusal
from tests.cases import LEVELS, SHAPE, make_downscale

METHODS = ("ours", "single")
REGULAR = {"latitude": np.linspace(60, 50, 8)}


def written(path, case, methods=METHODS):
    write_temperature(path, case, methods, {"model": "a model"})
    with xarray.open_dataset(path, engine="h5netcdf") as dataset:
        return dataset.load()


def test_what_is_written_is_read_back(tmp_path):
    case = make_downscale(**REGULAR)
    dataset = written(tmp_path / "a.nc", case)
    temperature = dataset["air_temperature"]
    assert temperature.dims == ("time", "realization", "level", "latitude", "longitude")
    assert temperature.dtype == np.float32
    np.testing.assert_array_equal(temperature[0], case.forecasts["ours"][..., 0])
    deterministic = dataset["air_temperature_deterministic"]
    np.testing.assert_array_equal(deterministic[0], case.forecasts["single"][..., 0])
    np.testing.assert_array_equal(dataset["time"], [np.datetime64("2018-09-17T00:00", "ns")])
    np.testing.assert_array_equal(dataset["level"], LEVELS)
    np.testing.assert_array_equal(dataset["latitude"], case.coordinates.y.values)
    np.testing.assert_array_equal(dataset["longitude"], case.coordinates.x.values)
    np.testing.assert_array_equal(dataset["realization"], [0, 1, 2])
    assert [path.name for path in tmp_path.iterdir()] == ["a.nc"]


def test_mean_and_spread_are_those_of_the_members(tmp_path):
    case = make_downscale()
    dataset = written(tmp_path / "a.nc", case)
    mean, spread = dataset["air_temperature_mean"], dataset["air_temperature_spread"]
    members = case.forecasts["ours"][..., 0].astype(np.float64)
    np.testing.assert_allclose(mean[0], members.mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(spread[0], members.std(axis=0, ddof=1), rtol=1e-6)
    assert mean.attrs["cell_methods"] == "realization: mean"
    assert spread.attrs["cell_methods"] == "realization: standard_deviation"


def test_every_variable_has_its_name_and_unit(tmp_path):
    dataset = written(tmp_path / "a.nc", make_downscale(**REGULAR))
    for name in set(dataset.data_vars) - {"above_ground"}:
        assert dataset[name].attrs["standard_name"] == "air_temperature"
        assert dataset[name].attrs["units"] == "K"
        assert dataset[name].attrs["ancillary_variables"] == "above_ground"
    expected = {
        "level": ("air_pressure", "hPa"),
        "latitude": ("latitude", "degrees_north"),
        "longitude": ("longitude", "degrees_east"),
        "realization": ("realization", "1"),
    }
    found = {
        name: (dataset[name].attrs["standard_name"], dataset[name].attrs["units"])
        for name in expected
    }
    assert found == expected
    assert dataset["time"].encoding["units"] == "minutes since 2000-01-01"
    assert dataset["level"].attrs["positive"] == "down"


@pytest.mark.parametrize("methods", [("single",), ("other", "single")])
def test_without_an_ensemble_the_first_deterministic_field_is_the_temperature(tmp_path, methods):
    case = make_downscale()
    case.forecasts["other"] = case.forecasts["single"] + 1
    dataset = written(tmp_path / "a.nc", case, methods)
    assert list(dataset.data_vars) == ["air_temperature", "above_ground"]
    assert dataset["air_temperature"].dims == ("time", "level", "y", "x")
    assert "deterministic" in dataset["air_temperature"].attrs["long_name"]
    expected = case.forecasts[methods[0]][..., 0]
    np.testing.assert_array_equal(dataset["air_temperature"][0], expected)


@pytest.mark.parametrize("methods", [("ours",), ("single", "ours")])
def test_one_member_is_an_ensemble_of_one_beside_the_deterministic_field(tmp_path, methods):
    case = make_downscale(1)
    dataset = written(tmp_path / "a.nc", case, methods)
    members = dataset["air_temperature"]
    assert members.dims == ("time", "realization", "level", "y", "x")
    assert members.shape[:2] == (1, 1)
    assert members.attrs["long_name"] == "air temperature, members"
    np.testing.assert_array_equal(members[0], case.forecasts["ours"][..., 0])
    # its own mean; two are needed for a spread, so there is none
    np.testing.assert_array_equal(dataset["air_temperature_mean"][0], members[0, 0])
    beside = ["air_temperature_deterministic"] if "single" in methods else []
    names = ["air_temperature", "air_temperature_mean", *beside, "above_ground"]
    assert list(dataset.data_vars) == names
    for name in beside:
        np.testing.assert_array_equal(dataset[name][0], case.forecasts["single"][..., 0])


def test_points_below_the_ground_are_marked_and_keep_their_values(tmp_path):
    ground = np.ones(SHAPE)
    ground[0, :3, 4] = 0
    dataset = written(tmp_path / "a.nc", make_downscale(weight=ground, **REGULAR))
    marks = dataset["above_ground"]
    assert marks.dims == ("time", "level", "latitude", "longitude")
    assert marks.dtype == np.int8
    np.testing.assert_array_equal(marks[0], ground[..., 0])
    # what CF names 0 and 1, so that readers of flags (cf_xarray, ncview) know them
    assert marks.attrs["flag_meanings"].split() == ["below_ground", "above_ground"]
    assert list(marks.attrs["flag_values"]) == [0, 1]
    assert marks.attrs["flag_values"].dtype == np.int8
    for name in set(dataset.data_vars) - {"above_ground"}:
        assert np.isfinite(dataset[name]).all()
    masked = dataset["air_temperature_mean"].where(marks == 1)
    assert int(masked.isnull().sum()) == 3


def test_without_a_deterministic_field_there_are_only_members(tmp_path):
    case = make_downscale(with_deterministic=False, truth=None)
    dataset = written(tmp_path / "a.nc", case, ("ours",))
    members = [f"air_temperature{end}" for end in ("", "_mean", "_spread")]
    assert list(dataset.data_vars) == [*members, "above_ground"]


def test_a_map_s_grid_has_latitude_and_longitude_of_every_point(tmp_path):
    case = make_downscale()
    dataset = written(tmp_path / "a.nc", case)
    temperature = dataset["air_temperature"]
    assert temperature.dims[-2:] == ("y", "x")
    assert dataset["latitude"].dims == ("y", "x")
    assert {"latitude", "longitude"} <= set(temperature.coords)
    np.testing.assert_array_equal(dataset["longitude"], case.coordinates.longitude)
    assert dataset["x"].attrs["units"] == "m"
    np.testing.assert_array_equal(dataset["y"], case.coordinates.y.values)


def test_an_existing_file_is_kept(tmp_path):
    path = tmp_path / "a.nc"
    path.write_text("precious")
    with pytest.raises(Refusal, match=r"a\.nc: exists and is kept; move it away"):
        write_temperature(path, make_downscale(), METHODS, {})
    assert path.read_text() == "precious"


def test_forecasts_of_another_shape_are_named(tmp_path):
    case = make_downscale(levels_hpa=LEVELS[:3], truth=None)
    with pytest.raises(ValueError, match=r"got ours .* expected \(3, 8, 12, 1\)"):
        write_temperature(tmp_path / "a.nc", case, METHODS, {})
