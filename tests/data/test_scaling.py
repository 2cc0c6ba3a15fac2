import numpy as np
import pytest

from src.data.scaling import SCALINGS


def test_unit_scaling_fills_zero_to_one():
    codes = np.array([0, 51, 255], np.uint8)
    scaled = SCALINGS["unit"].apply(codes)
    assert scaled.dtype == np.float32
    np.testing.assert_array_equal(scaled, np.float32([0, 0.2, 1]))


def test_sevir_scaling_takes_mean_and_deviation_of_the_archive():
    # (128.52 - 33.44) / 47.54 = 2
    np.testing.assert_allclose(
        SCALINGS["sevir"].apply(np.array([33.44, 128.52])), [0, 2], atol=1e-6
    )


@pytest.mark.parametrize("name", SCALINGS)
def test_scaling_can_be_undone(name):
    codes = np.arange(256, dtype=np.uint8)
    scaling = SCALINGS[name]
    np.testing.assert_array_equal(np.rint(scaling.invert(scaling.apply(codes))), codes)
