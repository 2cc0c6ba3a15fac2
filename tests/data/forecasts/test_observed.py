import numpy as np
import pytest

from mindcast.config.incoming import InputSettings
from mindcast.config.verification import ForecastSettings
from mindcast.data.forecasts.observed import Observed
from mindcast.data.forecasts.read import open_forecast
from mindcast.data.incoming.frames import Needed
from mindcast.data.incoming.read import open_incoming
from mindcast.refusal import Refusal
from tests.data.forecasts.files import START, STEP, frames, grid, write_forecast, write_observed

X, Y = 2_600_000.0, 1_200_000.0


def observed(path, **settings):
    return Observed([str(path)], "--truth", InputSettings(**settings), 5)


def forecast(tmp_path, where, side):
    path = write_forecast(tmp_path / "forecast.nc", frames(3, side), where)
    return open_forecast(path, ForecastSettings())


def test_frames_are_found_by_their_time_and_cut_to_the_forecast(tmp_path):
    truth = observed(write_observed(tmp_path / "truth.nc", frames(4), grid()))
    of = forecast(tmp_path, grid(10, x=X + 4000, y=Y - 2000), 10)
    times = START + STEP * np.array([-1, 1, 3, 4])
    assert truth.has(times).tolist() == [False, True, True, False]
    found = truth.frames(times, of, "dBZ")
    np.testing.assert_allclose(found[1:3], frames(4)[[1, 3], 1:11, 2:12], rtol=1e-6)
    assert np.isnan(found[[0, 3]]).all()


def test_a_clock_that_is_seconds_off_is_the_same_time(tmp_path):
    truth = observed(write_observed(tmp_path / "truth.nc", frames(2), grid()))
    assert truth.has(START + np.array([20, -20, 40], "m8[s]")).tolist() == [True, True, False]


def test_finer_pixels_are_averaged_as_the_input_of_a_model_is(tmp_path):
    values = frames(3)
    values[1, 4, 6] = np.nan  # in the first of the pixels below
    path = write_observed(tmp_path / "truth.nc", values, grid())
    needed = Needed(3, 5, (6, 6), 90, "dBZ", 4.0)
    settings = InputSettings(origin=(2, 3))
    expected = open_incoming([str(path)], None, needed, settings)
    truth = observed(path)
    of = forecast(tmp_path, expected.grid, 6)
    found = truth.frames(START + STEP * np.arange(3), of, "dBZ")
    np.testing.assert_array_equal(np.isnan(found), expected.missing)
    assert expected.missing.sum() == 1
    np.testing.assert_allclose(
        np.nan_to_num(found), 90 * expected.context[..., 0], rtol=1e-5, atol=1e-4
    )
    assert "the truth is the mean rain rate over 2 x 2 of its pixels" in truth.notes


def test_rain_rates_are_compared_as_reflectivity_by_the_relation_that_is_set(tmp_path):
    rain = np.full((1, 24, 24), 10, np.float32)
    path = write_observed(tmp_path / "truth.nc", rain, grid(), unit="mm/h")
    of = forecast(tmp_path, grid(), 24)
    for zr in ({}, {"a": 300, "b": 1.5}):
        truth = observed(path, zr=zr)
        # Z = a R^b with R = 10: 10 log10(a) + 10 b
        expected = 10 * np.log10(zr.get("a", 200)) + 10 * zr.get("b", 1.6)
        np.testing.assert_allclose(truth.frames(START[None], of, "dBZ"), expected, rtol=1e-6)


def test_two_frames_of_one_time_and_a_file_that_is_not_there_are_refused(tmp_path):
    for name in ("a.nc", "b.nc"):
        write_observed(tmp_path / name, frames(1), grid())
    with pytest.raises(Refusal, match=r"a\.nc and .*b\.nc: hold two frames of 2020-06-01T12:00"):
        observed(tmp_path)
    with pytest.raises(Refusal, match=r"^--truth .*none\.nc: no such file"):
        observed(tmp_path / "none.nc")
