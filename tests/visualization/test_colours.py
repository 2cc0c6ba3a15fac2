import numpy as np
import pytest

from mindcast.data.radar.archive.read import Archive
from mindcast.data.radar.sequences.layouts import LAYOUTS
from mindcast.visualization.colours import (
    DBZ_LEVELS,
    HIT_MISS_RGB,
    VALUE_SCALES,
    VIL_LEVELS,
    VIL_RGB,
    hit_miss,
    hit_miss_palette,
    probability_palette,
    value_palette,
    vil_rgb,
)


def drawn(palette, values):
    colours = palette.colours(palette.norm(np.ma.masked_invalid(values)), bytes=True)
    return np.asarray(colours)[..., :3]


def test_every_level_opens_the_bin_of_its_colour():
    levels = np.array(VIL_LEVELS[:-1], np.float32)
    np.testing.assert_array_equal(vil_rgb(levels), VIL_RGB)
    np.testing.assert_array_equal(vil_rgb(levels[1:] - 0.5), VIL_RGB[:-1])


def test_values_outside_the_scale_take_the_end_colours_and_missing_ones_are_black():
    colours = vil_rgb(np.array([-3, 255, 300, np.nan]))
    np.testing.assert_array_equal(colours, [VIL_RGB[0], VIL_RGB[-1], VIL_RGB[-1], (0, 0, 0)])


def test_pictures_and_previews_agree_on_colours():
    values = np.array([-3, *np.arange(0, 256, 0.5), 255, 400, np.nan])
    np.testing.assert_array_equal(drawn(value_palette("VIL"), values), vil_rgb(values))


def test_outcomes_have_the_colours_of_their_names():
    truth, forecast = np.array([[0, 80, 0, 80], [0, 0, 80, 80.0]])
    found = drawn(hit_miss_palette(), hit_miss(forecast, truth, 80))
    names = ("correct negative", "miss", "false alarm", "hit")
    np.testing.assert_array_equal(found, [HIT_MISS_RGB[name] for name in names])
    assert np.isnan(hit_miss(np.array([np.nan, 1]), np.array([1, np.nan]), 80)).all()


def test_each_tenth_of_probability_has_its_own_colour():
    found = drawn(probability_palette(), np.arange(10) / 10)
    assert len(np.unique(found, axis=0)) == 10
    np.testing.assert_array_equal(found[0], VIL_RGB[0])


@pytest.mark.parametrize("unit", VALUE_SCALES)
def test_every_unit_has_a_colour_for_each_of_its_bins(unit):
    levels = np.array(VALUE_SCALES[unit].levels[:-1], float)
    assert (np.diff(levels) > 0).all()
    np.testing.assert_array_equal(drawn(value_palette(unit), levels), VIL_RGB)


def test_the_thresholds_of_reflectivity_separate_colours():
    assert {20, 30, 35, 40} < set(DBZ_LEVELS)


def test_every_unit_of_the_data_sets_has_its_colours():
    units = {Archive.unit, *(layout.unit for layout in LAYOUTS.values())}
    assert units <= VALUE_SCALES.keys()
