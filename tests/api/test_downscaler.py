import numpy as np
import pytest
import xarray

from mindcast import load_forecaster
from mindcast.refusal import Refusal
from tests.data.temperature.files import dataset

HEIGHT, WIDTH = 8, 10


@pytest.fixture(scope="module")
def downscaler(downscale_run):
    return load_forecaster(downscale_run, device="CPU")


def coarse(times=1):
    """On the levels of the smoke model: 300 hPa is 500 hPa once more, 4 km higher and colder."""
    data = dataset(times, HEIGHT, WIDTH)
    above = data.isel(level=[-1]).assign_coords(level=("level", [300.0], {"units": "hPa"}))
    above["gh"], above["t"] = above.gh + 4000, above.t - 20
    for name in ("gh", "t"):
        above[name].attrs = data[name].attrs
    return xarray.concat([data, above], "level", data_vars="minimal")


def test_it_says_what_it_makes(downscaler):
    assert repr(downscaler) == "<geodiff: 2 times finer, 1000, 850, 500, 300 hPa>"
    assert (downscaler.factor, downscaler.levels_hpa) == (2, (1000, 850, 500, 300))


def test_a_dataset_becomes_finer_fields_of_every_method(downscaler, tmp_path):
    made = downscaler.forecast(coarse(), members=2, seed=3)
    members = made["air_temperature"]
    assert members.dims == ("time", "realization", "level", "latitude", "longitude")
    assert members.shape == (1, 2, 4, 2 * HEIGHT, 2 * WIDTH)
    assert made.time.values[0] == np.datetime64("2020-01-01T00")
    assert {"air_temperature_mean", "air_temperature_deterministic"} <= {*made.data_vars}
    assert np.isfinite(members).all()
    assert np.ptp(members.values, axis=1).max() > 0
    # as a file of the same fields
    coarse().to_netcdf(tmp_path / "a.nc", engine="h5netcdf")
    of_file = downscaler.forecast(tmp_path / "a.nc", members=2, seed=3)
    np.testing.assert_array_equal(of_file["air_temperature"], members)
    made.to_netcdf(tmp_path / "fine.nc", engine="h5netcdf")


def test_states_lie_along_the_time_and_one_can_be_picked(downscaler):
    method = next(m for m in downscaler.methods if downscaler.model.is_deterministic(m))
    both = downscaler.forecast(coarse(2), method=method)
    assert both["air_temperature"].shape == (2, 4, 2 * HEIGHT, 2 * WIDTH)
    assert len({*both["state"].values}) == 2
    one = downscaler.forecast(coarse(2), method=method, at="2020-01-01T06:00")
    np.testing.assert_array_equal(one["air_temperature"][0], both["air_temperature"][1])


def test_what_does_not_fit_is_refused_in_one_line(downscaler):
    for given, options, words in (
        (np.zeros((4, 8, 8)), {}, "fields: got ndarray, expected an xarray Dataset"),
        (coarse().drop_vars("t"), {}, "fields.nc"),
        (coarse(), {"members": 0}, "members: got 0, expected 1 or more"),
        (coarse(), {"seed": -1}, "seed: got -1"),
        (coarse(), {"method": "magic"}, "method: got 'magic', expected one of"),
        (coarse(), {"at": "2021-01-01"}, "no state of that time"),
    ):
        with pytest.raises(Refusal) as caught:
            downscaler.forecast(given, **options)
        assert words in str(caught.value)
        assert "\n" not in str(caught.value)
