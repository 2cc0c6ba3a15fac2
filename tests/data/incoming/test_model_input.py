from pathlib import Path

import numpy as np
import pytest

from mindcast.data.incoming.frames import Needed, RadarFrames
from mindcast.data.incoming.model_input import as_input
from mindcast.mapgrid import MapGrid
from mindcast.refusal import Refusal
from tests.data.incoming.files import settings

TIMES = np.datetime64("2020-07-01T12:00:00") + np.arange(2) * np.timedelta64(300, "s")


def frames(values, unit="dBZ", pixel_m=1000.0, is_prepared=False):
    values = np.broadcast_to(values, (2, *np.shape(values)[-2:])).astype(np.float32)
    height, width = values.shape[-2:]
    grid = None
    if pixel_m:
        x, y = np.arange(width) * pixel_m, np.arange(height)[::-1] * pixel_m
        grid = MapGrid(x, y, "EPSG:2056")
    return RadarFrames(values, unit, TIMES, grid, (Path("a.h5"),), ("read",), is_prepared)


def needed(frame=None, pixel_km=None, unit="dBZ", scale=90.0):
    return Needed(2, 5, frame, scale, unit, pixel_km)


def test_values_are_divided_by_the_scale_and_missing_ones_are_0_and_marked():
    values = np.full((4, 4), 45.0)
    values[0, 0] = np.nan
    made = as_input(frames(values), needed(), settings())
    assert made.context.shape == (2, 4, 4, 1)
    assert made.context.dtype == np.float32
    assert made.context[0, 0, 0, 0] == 0
    assert made.context[1, 3, 3, 0] == 0.5
    assert made.missing.sum() == 2
    assert made.missing[:, 0, 0].all()
    assert made.notes[0] == "read"
    assert "6.2% of the pixels are missing" in made.notes[-1]


def test_means_are_of_the_rain_rate_and_not_of_its_logarithm():
    values = np.where(np.arange(4) % 2, 40.0, -50.0) * np.ones((4, 1))
    made = as_input(frames(values), needed(pixel_km=2.0), settings())
    # half the rain of 40 dBZ: 16 log10 2 = 4.816 dBZ less
    np.testing.assert_allclose(made.context * 90, 40 - 16 * np.log10(2), atol=1e-3)
    assert made.context.shape == (2, 2, 2, 1)
    assert made.grid.pixel_m == pytest.approx((2000, 2000))
    assert any("2 x 2 pixels of 1 km" in note for note in made.notes)
    assert any("Z = 200 R^1.6" in note for note in made.notes)


def test_resampling_can_be_declined():
    made = as_input(frames(np.full((4, 4), 30.0)), needed(pixel_km=2.0), settings(resample="none"))
    assert made.context.shape == (2, 4, 4, 1)


def test_pixels_of_unknown_size_are_taken_as_the_model_s_and_said():
    made = as_input(frames(np.full((4, 4), 30.0), pixel_m=0), needed(pixel_km=2.0), settings())
    assert made.context.shape == (2, 4, 4, 1)
    assert made.grid is None
    assert any("do not say how large their pixels are" in note for note in made.notes)
    made = as_input(
        frames(np.full((4, 4), 30.0), pixel_m=0), needed(pixel_km=2.0), settings(pixel_km=1)
    )
    assert made.context.shape == (2, 2, 2, 1)


def test_the_centre_is_cut_with_its_grid():
    values = np.arange(48.0).reshape(6, 8) + 10
    made = as_input(frames(values), needed(frame=(2, 2)), settings())
    np.testing.assert_allclose(made.context[0, ..., 0] * 90, values[2:4, 3:5], rtol=1e-6)
    np.testing.assert_array_equal(made.grid.x, [3000, 4000])
    np.testing.assert_array_equal(made.grid.y, [3000, 2000])
    assert any("from row 2 and column 3 on" in note for note in made.notes)


def test_prepared_sequences_keep_what_is_weak():
    weak = np.full((2, 2), 3.0)
    assert as_input(frames(weak), needed(), settings()).context.max() == 0
    kept = as_input(frames(weak, is_prepared=True), needed(), settings())
    np.testing.assert_allclose(kept.context * 90, 3, rtol=1e-6)


@pytest.mark.parametrize(
    ("values", "need", "how", "message"),
    [
        (95.0, needed(), {}, "holds 95 dBZ, the model's scale ends at 90"),
        (np.nan, needed(), {}, "the frame of 2020-07-01T12:00:00 is wholly missing"),
        (30.0, needed(frame=(8, 8)), {}, "4 x 4 pixels, the model takes 8 x 8"),
        (30.0, needed(pixel_km=0.5), {}, "the model's are of 0.5 km"),
        (30.0, needed(), {"origin": (0, 0)}, "the whole area is forecast"),
        (30.0, needed(pixel_km=2.0), {"pixel_km": 3}, "input.pixel_km = 3: a.h5 says 1 x 1 km"),
    ],
)
def test_what_does_not_fit_the_model_is_refused(values, need, how, message):
    with pytest.raises(Refusal, match=message):
        as_input(frames(np.full((4, 4), values)), need, settings(**how))


def test_what_exceeds_the_scale_is_cut_off_on_wish():
    made = as_input(frames(np.full((4, 4), 95.0)), needed(), settings(clip=True))
    assert made.context.max() == 1
