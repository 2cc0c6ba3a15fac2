import subprocess
import sys

import numpy as np
import pytest
import xarray

from mindcast import load_forecaster
from mindcast.data.incoming.quantities import physical, rain_rate
from mindcast.refusal import Refusal

SIZE = (16, 16)


@pytest.fixture(scope="module")
def nowcaster(nowcast_run):
    return load_forecaster(nowcast_run, device="CPU")


def codes(frames=3, size=SIZE):
    """Showers of VIL codes that move two pixels to the right in every frame."""
    rng = np.random.default_rng(0)
    shower = np.zeros(size, np.float32)
    shower[4:12, 2:9] = rng.integers(40, 200, (8, 7))
    return np.stack([np.roll(shower, 2 * number, 1) for number in range(frames)])


def dataarray(values, minutes=10, units="dBZ"):
    start = np.datetime64("2020-07-01T12:00", "ns")
    time = start + (np.arange(len(values)) * minutes * 60).astype("timedelta64[s]")
    height, width = values.shape[1:]
    coords = {"time": time, "y": np.arange(height)[::-1] * 2000.0, "x": np.arange(width) * 2000.0}
    coords["latitude"] = (("y", "x"), np.full((height, width), 50.0))
    return xarray.DataArray(values, coords, ("time", "y", "x"), attrs={"units": units})


def refused(nowcaster, frames, **options):
    with pytest.raises(Refusal) as caught:
        nowcaster.forecast(frames, **options)
    return str(caught.value)


def test_importing_the_package_imports_next_to_nothing():
    code = (
        "import sys, mindcast; heavy = {'numpy', 'pydantic', 'mindspore', 'xarray', 'pysteps'};"
        "print(sorted(heavy & set(sys.modules)), hasattr(mindcast, 'nothing'))"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout == "[] False\n"


def test_it_says_what_it_takes_and_gives(nowcaster):
    assert (nowcaster.context_frames, nowcaster.target_frames) == (3, 6)
    assert (nowcaster.unit, nowcaster.interval_minutes, nowcaster.frame) == ("VIL", 10, SIZE)
    assert nowcaster.methods == ("advection", "diffcast-mu", "diffcast")
    assert repr(nowcaster) == "<diffcast: 3 -> 6 frames of 16 x 16, 10 min, VIL>"


def test_plain_frames_give_members_by_lead_time_in_their_unit(nowcaster):
    frames = codes()
    frames[-1, 0, :3] = np.nan
    made = nowcaster.forecast(frames, unit="VIL", members=3, seed=1)
    assert made.dims == ("realization", "lead_time", "y", "x")
    assert made.shape == (3, 6, *SIZE)
    assert made.dtype == np.float32
    assert made.lead_time.values.tolist() == [10, 20, 30, 40, 50, 60]
    assert made.lead_time.attrs["units"] == "minutes"
    assert made.name == "vil_code"
    missing = np.isnan(made.values)
    assert missing[..., 0, :3].all()
    # and what the motion, 2 columns a frame, carries from there: 3 + 2k of the row
    assert missing[:, :, 0].sum(axis=-1).tolist() == [[5, 7, 9, 11, 13, 15]] * 3
    assert not missing[:, :, 1:].any()
    assert 0 <= np.nanmin(made) <= np.nanmax(made) <= 255


def test_members_are_a_function_of_their_seed_and_number(nowcaster):
    three = nowcaster.forecast(codes(), unit="VIL", members=3, seed=1)
    five = nowcaster.forecast(codes(), unit="VIL", members=5, seed=1)
    np.testing.assert_allclose(five[:3], three, atol=1e-3)
    other = nowcaster.forecast(codes(), unit="VIL", members=3, seed=2)
    assert np.abs(three.values - other.values).max() > 1
    assert np.abs(three.values[0] - three.values[1]).max() > 1


def test_the_newest_of_more_frames_are_used(nowcaster):
    frames = codes(5)
    newest = nowcaster.forecast(frames[2:], unit="VIL", method="advection")
    assert newest.dims == ("lead_time", "y", "x")  # a single one
    xarray.testing.assert_identical(
        nowcaster.forecast(frames, unit="VIL", method="advection"), newest
    )


def test_a_dataarray_keeps_its_coordinates_and_gets_valid_times(nowcaster):
    values = np.where(codes() > 0, codes() / 5, -10)
    made = nowcaster.forecast(dataarray(values), members=2)
    assert made.dims == ("realization", "time", "y", "x")
    assert made.attrs["units"] == "dBZ"
    assert made.time.values[0] == np.datetime64("2020-07-01T12:30")
    assert made.time.values[-1] == np.datetime64("2020-07-01T13:20")
    assert made.forecast_reference_time.values == np.datetime64("2020-07-01T12:20")
    np.testing.assert_array_equal(made.x, dataarray(values).x)
    assert made.latitude.dims == ("y", "x")
    assert float(made.max()) > 5


def test_every_second_frame_is_taken_where_the_step_is_half_the_model_s(nowcaster):
    frames = np.repeat(codes() / 5, 2, axis=0)[
        1:
    ]  # 12:00 to 12:20 every 5 minutes, old ones between
    half = nowcaster.forecast(dataarray(frames, 5), method="advection")
    full = nowcaster.forecast(dataarray(codes() / 5, 10), method="advection")
    np.testing.assert_array_equal(half, full)
    assert "one frame in 2 is taken" in half.attrs["comment"]


def test_rain_rates_go_in_and_come_out(nowcaster):
    # VIL-like codes are whole numbers: rates that are such codes come back as they were
    how = nowcaster.settings.input
    rates = rain_rate(codes(), "VIL", how)
    rates = np.where(codes() > 0, rates, 0)
    made = nowcaster.forecast(rates, unit="mm/h", method="advection")
    of_codes = nowcaster.forecast(codes(), unit="VIL", method="advection")
    assert made.attrs["units"] == "mm h-1"
    expected = rain_rate(physical(of_codes.values, "VIL", "dBZ", how), "dBZ", how)
    wet = physical(of_codes.values, "VIL", "dBZ", how) > 0
    np.testing.assert_allclose(made.values[wet], expected[wet], rtol=1e-5)
    assert (made.values[~wet] == 0).all()


@pytest.mark.parametrize("size", [(9, 16), (24, 21)])
def test_areas_of_any_size_come_back_in_their_size(nowcaster, size):
    frames = np.zeros((3, *size), np.float32)
    frames[:, 3:7, 4:9] = 100
    made = nowcaster.forecast(frames, unit="VIL", members=1, seed=0)
    assert made.shape == (1, 6, *size)
    assert np.isfinite(made.values).all()
    assert made.values.max() > 50


def test_an_area_of_the_model_s_frame_is_forecast_as_the_model_does(nowcaster):
    from mindcast.samples import NowcastInput

    context = np.ascontiguousarray(codes()[np.newaxis, ..., np.newaxis] / np.float32(255))
    (direct,) = nowcaster.model.forecaster.forecast(
        "diffcast", NowcastInput(context), [0], 2, seed=3
    )
    made = nowcaster.forecast(codes(), unit="VIL", members=2, seed=3)
    np.testing.assert_array_equal(made.values, direct[..., 0] * np.float32(255))


def test_a_motion_that_is_given_is_gone_by(nowcaster):
    down = np.zeros((*SIZE, 2))
    down[..., 1] = 1
    frames = codes()
    made = nowcaster.forecast(frames, unit="VIL", method="advection", motion=down)
    own = nowcaster.forecast(frames, unit="VIL", method="advection")
    assert np.abs(made.values - own.values).max() > 1
    assert "motion: got (4, 4, 2), expected (16, 16, 2)" in refused(
        nowcaster, frames, unit="VIL", motion=np.zeros((4, 4, 2))
    )


@pytest.mark.parametrize(
    ("frames", "options", "told"),
    [
        (codes(), {}, "unit: the frames do not say theirs, give one of dBZ, mm/h, VIL"),
        (codes(), {"unit": "mm"}, "unit: got 'mm', expected one of"),
        (codes(2), {"unit": "VIL"}, "frames: 2 frames, expected 3, 10 minutes apart"),
        (codes()[0], {"unit": "VIL"}, "frames: got (16, 16), expected (T, H, W)"),
        (codes() * 3, {"unit": "VIL"}, "frames: holds values from 0 to"),
        (codes() * np.nan, {"unit": "VIL"}, "is wholly missing"),
        (codes(), {"unit": "VIL", "method": "steps"}, "method: got 'steps', expected one of adv"),
        (codes(), {"unit": "VIL", "members": 0}, "members: got 0, expected 1 or more"),
        (codes(), {"unit": "VIL", "seed": -1}, "seed: got -1, expected 0 or more"),
        (dataarray(codes() / 5), {"unit": "mm/h"}, "unit: got mm/h, but the frames say dBZ"),
        (dataarray(codes(), units="K"), {}, "frames: units 'K', expected dBZ or a rain rate"),
        (dataarray(codes(), units="mm"), {}, "frames: units 'mm', expected dBZ or a rain rate"),
        (dataarray(codes() / 5, 7), {}, "frames are 7 minutes apart, the model takes frames 10"),
        (dataarray(codes()[:2] / 5), {}, "2 frames up to"),
        (dataarray(codes() / 5).rename(time="t"), {}, "frames: dimensions t, y, x, expected time"),
    ],
)
def test_what_does_not_fit_is_refused(nowcaster, frames, options, told):
    assert told in refused(nowcaster, frames, **options)


def test_pixels_of_another_size_are_refused_where_both_are_known(nowcaster, monkeypatch):
    frames = dataarray(codes() / 5)  # 2000 m apart
    frames.x.attrs["units"] = "m"
    monkeypatch.setattr(nowcaster, "pixel_km", 1.0)
    assert "frames: pixels of 2 km, the model's are of 1 km" in refused(nowcaster, frames)
    monkeypatch.setattr(nowcaster, "pixel_km", 2.0)
    assert nowcaster.forecast(frames, method="advection").attrs["units"] == "dBZ"


def test_a_place_without_a_model_is_refused(tmp_path):
    with pytest.raises(Refusal, match="no such file or folder; give a checkpoint or a run"):
        load_forecaster(tmp_path / "nowhere")


def test_an_unknown_device_is_refused(nowcast_run):
    with pytest.raises(Refusal, match="device: got 'TPU', expected one of Ascend, GPU, CPU"):
        load_forecaster(nowcast_run, device="TPU")
