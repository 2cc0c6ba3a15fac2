import numpy as np
import pytest

from mindcast.data.incoming.pixels import block_means, coarse_grid, factors, part
from mindcast.mapgrid import MapGrid
from mindcast.refusal import Refusal

NAN = np.nan


def test_a_block_is_the_mean_of_its_pixels_and_a_rest_is_dropped():
    rain = np.arange(15.0).reshape(3, 5)
    # (0 + 1 + 5 + 6) / 4, (2 + 3 + 7 + 8) / 4; the third row and the fifth column are left
    np.testing.assert_allclose(block_means(rain, (2, 2)), [[3, 5]])


def test_a_block_with_a_missing_pixel_is_missing_unless_a_share_is_allowed():
    rain = np.array([[1.0, NAN, 2, 2], [3, 4, 2, 2]])
    np.testing.assert_array_equal(block_means(rain, (2, 2)), [[NAN, 2]])
    # a quarter is missing: the mean of the others is (1 + 3 + 4) / 3
    np.testing.assert_allclose(block_means(rain, (2, 2), 0.25), [[8 / 3, 2]])
    np.testing.assert_array_equal(block_means(rain, (2, 2), 0.24), [[NAN, 2]])


def test_pixels_count_by_the_part_of_them_that_lies_in_a_block():
    # blocks of 1.5: pixel 0 and half of 1; half of 1 and pixel 2
    rain = np.array([[0.0, 3, 6]]) * np.ones((3, 1))
    means = block_means(rain, (1.5, 1.5))
    np.testing.assert_allclose(means, [[1, 5], [1, 5]])


def test_the_amount_of_rain_is_kept_whatever_the_factor():
    rain = np.random.default_rng(0).gamma(1, 2, (30, 30))
    assert block_means(rain, (2.5, 2.5)).mean() == pytest.approx(rain.mean())


def test_the_grid_of_blocks_has_their_centres():
    grid = MapGrid(np.arange(4) * 1000.0, np.arange(4)[::-1] * 1000.0, "EPSG:3857")
    coarse = coarse_grid(grid, (2.0, 2.0))
    np.testing.assert_allclose(coarse.x, [500, 2500])
    np.testing.assert_allclose(coarse.y, [2500, 500])


def test_nearly_whole_factors_are_whole():
    assert factors((0.99967, 1.0), 2.0, "a") == (2.0, 2.0)
    assert factors((0.8, 0.8), 2.0, "a") == (2.5, 2.5)


def test_a_model_of_smaller_pixels_than_the_file_s_is_refused():
    with pytest.raises(Refusal, match=r"a: pixels of 4 km, the model's are of 2 km"):
        factors((4.0, 4.0), 2.0, "a")


def test_a_part_lies_about_the_centre_or_where_it_is_asked_for():
    assert part((10, 8), (4, 4), None, "a") == (slice(3, 7), slice(2, 6))
    assert part((10, 8), (4, 4), (6, 0), "a") == (slice(6, 10), slice(0, 4))


def test_a_part_beyond_the_area_is_refused():
    with pytest.raises(Refusal, match=r"input\.origin = \[7, 0\].*choose at most \[6, 4\]"):
        part((10, 8), (4, 4), (7, 0), "a")
    with pytest.raises(Refusal, match="10 x 3 pixels, the model takes 4 x 4"):
        part((10, 3), (4, 4), None, "a")
