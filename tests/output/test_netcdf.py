import json
from pathlib import Path

import numpy as np
import pytest
import xarray

from mindcast.output.netcdf import write_netcdf
from mindcast.output.temperature import DownscaledTemperature
from mindcast.refusal import Refusal

LEVELS = np.array([1000.0, 850, 500])
PROVENANCE = {
    "model": "a model",
    "checkpoints": {"last": {"path": Path("runs/a/best.ckpt"), "step": 9}},
    "sampler": "ddim",
    "steps": np.int64(50),
    "seed": 7,
    "settings": {"data": {"factor": 4}},
}


def draw(n=2, members=3, height=8, width=12, with_deterministic=True, **changes):
    rng = np.random.default_rng(0)
    shape = (n, len(LEVELS), height, width, 1)
    ensemble = (260 + rng.standard_normal((n, members, *shape[1:]))).astype(np.float32)
    field = (260 + rng.standard_normal(shape)).astype(np.float32)
    given = {
        "members": ensemble if members else None,
        "deterministic": field if with_deterministic else None,
        "levels_hpa": LEVELS,
        "times": np.datetime64("2020-06-01T06:00") + np.arange(n) * np.timedelta64(90, "m"),
        "latitude": np.linspace(60, 50, height),
        "longitude": np.linspace(210, 240, width),
    }
    return DownscaledTemperature(**{**given, **changes})


def written(path, fields, provenance=PROVENANCE):
    write_netcdf(path, fields, provenance)
    with xarray.open_dataset(path, engine="h5netcdf") as dataset:
        return dataset.load()


def test_what_is_written_is_read_back(tmp_path):
    fields = draw()
    dataset = written(tmp_path / "a.nc", fields)
    temperature = dataset["air_temperature"]
    assert temperature.dims == ("time", "realization", "level", "latitude", "longitude")
    assert temperature.dtype == np.float32
    np.testing.assert_array_equal(temperature, fields.members[..., 0])
    deterministic = dataset["air_temperature_deterministic"]
    np.testing.assert_array_equal(deterministic, fields.deterministic[..., 0])
    np.testing.assert_array_equal(dataset["time"], fields.times.astype("M8[ns]"))
    np.testing.assert_array_equal(dataset["level"], LEVELS)
    np.testing.assert_array_equal(dataset["latitude"], fields.latitude)
    np.testing.assert_array_equal(dataset["longitude"], fields.longitude)
    np.testing.assert_array_equal(dataset["realization"], [0, 1, 2])
    assert [path.name for path in tmp_path.iterdir()] == ["a.nc"]


def test_mean_and_spread_are_those_of_the_members(tmp_path):
    fields = draw()
    dataset = written(tmp_path / "a.nc", fields)
    mean, spread = dataset["air_temperature_mean"], dataset["air_temperature_spread"]
    members = fields.members[..., 0].astype(np.float64)
    np.testing.assert_allclose(mean, members.mean(axis=1), rtol=1e-6)
    np.testing.assert_allclose(spread, members.std(axis=1, ddof=1), rtol=1e-6)
    assert mean.attrs["cell_methods"] == "realization: mean"
    assert spread.attrs["cell_methods"] == "realization: standard_deviation"


def test_every_variable_has_its_name_and_unit(tmp_path):
    dataset = written(tmp_path / "a.nc", draw())
    for name in dataset.data_vars:
        assert dataset[name].attrs["standard_name"] == "air_temperature"
        assert dataset[name].attrs["units"] == "K"
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


def test_the_file_says_what_made_it(tmp_path):
    attributes = written(tmp_path / "a.nc", draw()).attrs
    assert attributes["Conventions"] == "CF-1.11"
    assert attributes["source"] == "a model"
    assert attributes["history"].endswith(
        " made by model a model, checkpoints.last.path runs/a/best.ckpt, "
        "checkpoints.last.step 9, sampler ddim, steps 50, seed 7"
    )
    assert json.loads(attributes["provenance"])["settings"] == {"data": {"factor": 4}}


def test_without_members_the_deterministic_field_is_the_temperature(tmp_path):
    fields = draw(members=0)
    dataset = written(tmp_path / "a.nc", fields)
    assert list(dataset.data_vars) == ["air_temperature"]
    assert dataset["air_temperature"].dims == ("time", "level", "latitude", "longitude")
    np.testing.assert_array_equal(dataset["air_temperature"], fields.deterministic[..., 0])


def test_one_member_has_no_mean_and_no_spread(tmp_path):
    dataset = written(tmp_path / "a.nc", draw(members=1, with_deterministic=False))
    assert list(dataset.data_vars) == ["air_temperature"]
    assert dataset.sizes["realization"] == 1


def test_a_map_s_grid_has_latitude_and_longitude_of_every_point(tmp_path):
    latitude, longitude = np.random.default_rng(0).random((2, 8, 12))
    metres = np.arange(12) * 81271.0
    fields = draw(latitude=latitude, longitude=longitude, x=metres, y=metres[:8])
    dataset = written(tmp_path / "a.nc", fields)
    temperature = dataset["air_temperature"]
    assert temperature.dims[-2:] == ("y", "x")
    assert dataset["latitude"].dims == ("y", "x")
    assert {"latitude", "longitude"} <= set(temperature.coords)
    np.testing.assert_array_equal(dataset["longitude"], longitude)
    assert dataset["x"].attrs["units"] == "m"
    np.testing.assert_array_equal(dataset["y"], metres[:8])


def test_times_that_repeat_are_no_axis(tmp_path):
    fields = draw(times=np.array(["2020-06-01", "2020-06-01"], "M8[m]"))
    dataset = written(tmp_path / "a.nc", fields)
    assert dataset["air_temperature"].dims[0] == "case"
    assert dataset["time"].dims == ("case",)
    assert "axis" not in dataset["time"].attrs


def test_compression_makes_smooth_fields_small(tmp_path):
    fields = draw(n=1, height=64, width=64)
    fields.members[...] = 260
    fields.deterministic[...] = 260
    write_netcdf(tmp_path / "a.nc", fields, PROVENANCE)
    assert (tmp_path / "a.nc").stat().st_size < fields.members.nbytes / 2


def test_an_existing_file_is_kept(tmp_path):
    path = tmp_path / "a.nc"
    path.write_text("precious")
    with pytest.raises(Refusal, match=r"a\.nc: exists and is kept; move it away"):
        write_netcdf(path, draw(), PROVENANCE)
    assert path.read_text() == "precious"


def test_folder_that_cannot_be_made_is_refused(tmp_path):
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(Refusal, match=r"a\.nc: cannot be written"):
        write_netcdf(tmp_path / "taken" / "a.nc", draw(), PROVENANCE)


def test_a_failure_leaves_nothing_behind(tmp_path, monkeypatch):
    def fail(dataset, path, **_):
        Path(path).write_text("half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(xarray.Dataset, "to_netcdf", fail)
    with pytest.raises(Refusal, match="No space left on device"):
        write_netcdf(tmp_path / "a.nc", draw(), PROVENANCE)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"members": 0, "with_deterministic": False}, "got no field, expected"),
        ({"levels_hpa": LEVELS[:2]}, r"= \(2, 2, 8, 12, 1\)"),
        ({"times": np.array(["2020"], "M8[Y]")}, r"= \(1, 3, 8, 12, 1\)"),
        ({"latitude": np.zeros((8, 12))}, r"got latitude \(8, 12\) and longitude \(12,\)"),
        ({"x": np.zeros(3)}, r"got x \(3,\), expected \(12,\)"),
    ],
)
def test_shapes_that_do_not_belong_together_are_named(changes, message):
    with pytest.raises(ValueError, match=message):
        draw(**changes)
