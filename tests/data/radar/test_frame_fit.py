import numpy as np
import pytest

from mindcast.data.radar.frame_fit import centre_crop, fit_frames, resize


def test_a_third_of_the_size_is_every_third_pixel_from_the_second_on():
    # centre i of the output lies at 3 (i + 1/2) - 1/2 = 3 i + 1 of the input
    codes = np.random.default_rng(0).integers(0, 256, (2, 12, 9), dtype=np.uint8)
    np.testing.assert_array_equal(resize(codes, (4, 3)), codes[:, 1::3, 1::3])


def test_twice_the_size_mixes_three_to_one_and_keeps_the_edge():
    # centres 0 .. 3 lie at -0.25 (edge: 0), 0.25, 0.75, 1.25 (edge: 1) of the input
    line = np.array([[[0.0, 4.0]]])
    np.testing.assert_allclose(resize(line, (1, 4))[0, 0], [0, 1, 3, 4])


def test_antialias_halves_with_the_weights_of_a_wide_triangle():
    # centre 1 of 2 lies at 2.5 of 4 ... output 0 at 0.5: distances to 0, 1, 2 are 0.5, 0.5, 1.5 of
    # a half base 2, so weights 0.75, 0.75, 0.25 of their sum 1.75
    line = np.array([[[7.0, 0.0, 0.0, 0.0]]])
    np.testing.assert_allclose(resize(line, (1, 2), antialias=True)[0, 0], [3.0, 0.0], atol=1e-6)
    line = np.array([[[0.0, 0.0, 7.0, 0.0]]])
    np.testing.assert_allclose(resize(line, (1, 2), antialias=True)[0, 0], [1.0, 3.0], atol=1e-6)


@pytest.mark.parametrize("antialias", [False, True])
@pytest.mark.parametrize("size", [(5, 7), (20, 3), (11, 13)])
def test_a_constant_field_stays_constant(size, antialias):
    got = resize(np.full((3, 11, 13), 0.7, np.float32), size, antialias)
    assert got.shape == (3, *size)
    np.testing.assert_allclose(got, 0.7, rtol=1e-6)


def test_smaller_frames_are_padded_with_the_odd_pixel_behind():
    got = centre_crop(np.ones((1, 101, 101)), (128, 128))
    assert got.shape == (1, 128, 128)
    rows, columns = got[0].nonzero()
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (13, 113, 13, 113)


def test_larger_frames_are_cut_about_their_centre():
    frames = np.arange(6.0 * 7).reshape(1, 6, 7)
    # 6 - 2 = 4: 2 from the top; 7 - 4 = 3: half of it is 1.5, rounded to 2
    np.testing.assert_array_equal(centre_crop(frames, (2, 4))[0], frames[0, 2:4, 2:6])


def test_fit_chooses_between_the_two():
    frames = np.ones((1, 4, 4))
    assert fit_frames(frames, (8, 8), "resize").min() == 1
    assert fit_frames(frames, (8, 8), "crop").sum() == 16


@pytest.mark.parametrize("antialias", [False, True])
@pytest.mark.parametrize("pixels", [45, 128, 565, 784])
def test_a_flat_area_keeps_its_value_to_rounding(pixels, antialias):
    flat = np.full((1, pixels, pixels + 9), 18, np.float32) / np.float32(90)
    found = resize(flat, (32, 101), antialias)
    # of an average nothing is lost; of two taps an axis about 2 units in the last place
    limit = 0 if antialias else 3 * np.finfo(np.float32).eps
    np.testing.assert_allclose(found, flat[0, 0, 0], rtol=limit)
