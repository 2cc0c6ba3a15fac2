import numpy as np
import pytest

from mindcast.data.radar.archive.read import Archive
from mindcast.data.radar.sequences.layouts import LAYOUTS
from mindcast.visualization.colours import (
    DBZ_LEVELS,
    HIT_MISS_RGB,
    MAP_RGB,
    MISSING_RGB,
    VALUE_SCALES,
    VIL_LEVELS,
    VIL_RGB,
    hit_miss,
    hit_miss_palette,
    map_palette,
    map_probability_palette,
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


# what eyes without red or green cones see of linear RGB (Machado et al. 2009, severity 1)
SEEN = {
    "all cones": np.eye(3),
    "no red cones": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "no green cones": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
}
TO_XYZ = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]


def lab(rgb, eyes):
    """CIELAB of sRGB colours (N, 3) in 0..255 as those eyes see them."""
    share = np.asarray(rgb) / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    white = np.array([0.9505, 1.0, 1.089])
    xyz = np.clip(linear @ np.array(SEEN[eyes]).T, 0, 1) @ np.array(TO_XYZ).T / white
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.stack(
        [116 * f[:, 1] - 16, 500 * (f[:, 0] - f[:, 1]), 200 * (f[:, 1] - f[:, 2])], axis=1
    )


@pytest.mark.parametrize("eyes", SEEN)
def test_any_colour_vision_tells_the_colours_of_maps_apart(eyes):
    colours = lab([*MAP_RGB, MISSING_RGB], eyes)
    apart = np.linalg.norm(colours[:, None] - colours[None], axis=-1)
    # 2.3 is the least that eyes notice side by side; a patch in a map needs some more
    assert apart[~np.eye(len(colours), dtype=bool)].min() > 10


@pytest.mark.parametrize("eyes", SEEN)
def test_probabilities_on_maps_darken_in_even_steps_for_any_colour_vision(eyes):
    colours = drawn(map_probability_palette(), np.arange(10) / 10 + 0.05)
    lightness = lab(colours, eyes)[:, 0]
    assert (np.diff(lightness) < -3).all()


@pytest.mark.parametrize("unit", VALUE_SCALES)
def test_maps_have_a_colour_for_each_bin_and_grey_for_what_is_missing(unit):
    levels = np.array([*VALUE_SCALES[unit].levels[:-1], np.nan])
    np.testing.assert_array_equal(drawn(map_palette(unit), levels), [*MAP_RGB, MISSING_RGB])
