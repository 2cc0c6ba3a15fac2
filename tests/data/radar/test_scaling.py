import numpy as np

from mindcast.data.radar.scaling import CODE_MAX, scale_codes


def test_codes_fill_zero_to_one_in_float32():
    scaled = scale_codes(np.array([0, 51, 255], np.uint8))
    assert scaled.dtype == np.float32
    np.testing.assert_allclose(scaled, [0, 0.2, 1])


def test_every_code_comes_back_exactly():
    codes = np.arange(256, dtype=np.uint8)
    np.testing.assert_array_equal(scale_codes(codes) * np.float32(CODE_MAX), codes)
