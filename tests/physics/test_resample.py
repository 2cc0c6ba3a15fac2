import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mindcast.physics import resample


def field(*shape):
    return np.random.default_rng(0).normal(size=shape)


def test_the_block_mean_of_a_ramp_is_its_value_at_the_block_s_centre():
    ramp = np.arange(8.0)[:, None] * 10 + np.arange(12.0)
    coarse = resample.block_mean(ramp, 4)
    np.testing.assert_allclose(coarse, [[16.5, 20.5, 24.5], [56.5, 60.5, 64.5]])


def test_row_weights_weigh_the_rows_of_each_block():
    # rows 1, 2 with weights 3, 1: (3 * 1 + 1 * 2) / 4
    rows = np.array([[1.0, 1.0], [2.0, 2.0]])
    assert resample.block_mean(rows, 2, np.array([3.0, 1.0])) == 1.25


def test_the_last_blocks_are_the_means_of_the_points_that_are_left():
    # 5 x 7 points in blocks of 3: rows 0-2 and 3-4, columns 0-2, 3-5 and 6 alone
    ramp = np.arange(5.0)[:, None] * 10 + np.arange(7.0)
    np.testing.assert_allclose(resample.block_mean(ramp, 3), [[11, 14, 16], [36, 39, 41]])
    weights = np.array([1.0, 1, 1, 3, 1])  # rows 3 and 4: (3 * 30 + 40) / 4 = 32.5
    assert resample.block_mean(ramp, 3, weights)[1, 2] == 32.5 + 6


def test_cells_without_a_whole_number_of_points_have_their_middle_where_they_are():
    # 9 points in cells of 4: 0-3, 4-7, and 8 alone
    np.testing.assert_array_equal(resample.cell_centres(9, 4), [1.5, 5.5, 8.0])
    assert [resample.cells(length, 4) for length in (8, 9, 12)] == [2, 3, 3]


@pytest.mark.parametrize("rest", [1, 2, 3])
def test_a_slope_goes_on_into_the_cell_that_is_not_whole(rest):
    length = 16 + rest
    coarse = resample.cell_means(3.0 * np.arange(length), 4)[None]
    fine = resample.bilinear(coarse, 4, (4, length))[0]
    # the last cell's middle stands for 1.5 behind its first point: clamped from there on
    np.testing.assert_allclose(fine[4:], 3 * np.minimum(np.arange(4, length), 16 + 1.5))


def test_a_fine_size_that_takes_other_cells_is_refused():
    with pytest.raises(ValueError, match="got 3 cells of 4 for 13 points"):
        resample.bicubic_matrix(3, 4, 13)


@pytest.mark.parametrize("make", [resample.bicubic_matrix, resample.bilinear_matrix])
@pytest.mark.parametrize(("size", "factor"), [(6, 4), (5, 8), (1, 4), (2, 2)])
def test_interpolation_keeps_constants_and_is_symmetric(make, size, factor):
    matrix = make(size, factor)
    assert matrix.shape == (size * factor, size)
    np.testing.assert_allclose(matrix.sum(axis=1), 1, rtol=1e-14)
    np.testing.assert_allclose(matrix, matrix[::-1, ::-1], atol=1e-15)


def test_linear_interpolation_between_two_cells_is_written_down():
    # factor 2: fine centres at -0.25, 0.25, 0.75, 1.25 in coarse indices
    expected = [[1, 0], [0.75, 0.25], [0.25, 0.75], [0, 1]]
    np.testing.assert_allclose(resample.bilinear_matrix(2, 2), expected)


def test_the_cubic_kernel_takes_its_values():
    # a = -3/4 at 1/2: (5/4)/8 - (9/4)/4 + 1 = 19/32; at 3/2: a (27/8 - 45/4 + 12 - 4) = -3/32
    values = resample.cubic_kernel(np.array([0, 0.5, 1, 1.5, 2, 3]), -0.75)
    np.testing.assert_allclose(values, [1, 19 / 32, 0, -3 / 32, 0, 0], atol=1e-15)


def test_bicubic_upsampling_is_clamped_at_the_border():
    # factor 2, first fine centre at -1/4: the points -1 and -2 count for 0
    kernel = resample.cubic_kernel(np.array([1.75, 0.75, 0.25, 1.25]), -0.75)
    row = resample.bicubic_matrix(4, 2)[0]
    np.testing.assert_allclose(row, [kernel[0] + kernel[1] + kernel[2], kernel[3], 0, 0])


def test_upsampling_acts_on_the_last_two_axes():
    coarse = field(2, 3, 4, 5)
    fine = resample.bicubic(coarse, 4)
    assert fine.shape == (2, 3, 16, 20)
    np.testing.assert_allclose(resample.bicubic(coarse[1, 2], 4), fine[1, 2])
    assert resample.bilinear(coarse, 4).shape == fine.shape


def test_antialiased_coarsening_keeps_smooth_fields_and_removes_the_finest_wave():
    matrix = resample.antialiased_bicubic_matrix(32, 4)
    assert matrix.shape == (8, 32)
    np.testing.assert_allclose(matrix.sum(axis=1), 1)
    alternating = (-1.0) ** np.arange(32)
    assert np.abs(matrix @ alternating)[2:-2].max() < 1e-12  # the border cuts the kernel
    centres = np.arange(8) * 4 + 1.5
    np.testing.assert_allclose((matrix @ np.arange(32.0))[2:-2], centres[2:-2])


def test_enforcing_the_block_mean_makes_it_that_of_the_coarse_field():
    coarse, weights = field(3, 2, 3), np.linspace(1, 2, 8)
    fine = resample.enforce_block_mean(resample.bicubic(coarse, 4), coarse, 4, weights)
    np.testing.assert_allclose(resample.block_mean(fine, 4, weights), coarse, atol=1e-14)
    again = resample.enforce_block_mean(fine, coarse, 4, weights)
    np.testing.assert_allclose(again, fine, atol=1e-14)


FACTORS, SIZES = st.integers(1, 6), st.tuples(st.integers(1, 9), st.integers(1, 9))


@given(SIZES, FACTORS)
def test_finer_and_coarser_again_is_the_identity_where_values_are_repeated(size, factor):
    coarse = field(2, *size)
    again = resample.block_mean(resample.nearest(coarse, factor), factor)
    np.testing.assert_allclose(again, coarse, rtol=1e-12, atol=1e-14)


@given(SIZES, FACTORS)
def test_means_are_kept_by_block_means_and_by_linear_interpolation(size, factor):
    fine = field(size[0] * factor, size[1] * factor)
    assert resample.block_mean(fine, factor).mean() == pytest.approx(fine.mean())
    coarse = field(*size)
    assert resample.bilinear(coarse, factor).mean() == pytest.approx(coarse.mean())


SIDES = st.tuples(st.integers(1, 40), st.integers(1, 40))


@given(SIDES, FACTORS)
def test_any_size_goes_to_coarse_cells_and_back_to_itself(size, factor):
    fine = field(*size)
    coarse = resample.block_mean(fine, factor)
    assert coarse.shape == tuple(resample.cells(n, factor) for n in size)
    # every point counts once, whatever the size of its cell
    assert resample.nearest(coarse, factor, size).mean() == pytest.approx(fine.mean())
    for finer in (resample.bicubic, resample.bilinear):
        assert finer(coarse, factor, size).shape == size
        constant = finer(np.full_like(coarse, 273.15), factor, size)
        np.testing.assert_allclose(constant, 273.15, rtol=1e-12)
    kept = resample.enforce_block_mean(resample.bicubic(coarse, factor, size), coarse, factor)
    np.testing.assert_allclose(resample.block_mean(kept, factor), coarse, atol=1e-12)
    smooth = resample.coarsen_bicubic(np.full(size, 273.15), factor)
    np.testing.assert_allclose(smooth, np.full_like(coarse, 273.15), rtol=1e-12)


@given(SIZES, FACTORS)
def test_constants_are_kept_by_every_way_and_equal_sizes_change_nothing(size, factor):
    constant = np.full(size, 273.15)
    for finer in (resample.bicubic, resample.bilinear, resample.nearest):
        np.testing.assert_allclose(finer(constant, factor), 273.15, rtol=1e-13)
        np.testing.assert_allclose(finer(field(*size), 1), field(*size), atol=1e-15)
    large = np.full((size[0] * factor, size[1] * factor), 273.15)
    for coarser in (resample.block_mean, resample.coarsen_bicubic):
        np.testing.assert_allclose(coarser(large, factor), 273.15, rtol=1e-13)


@given(SIZES, FACTORS)
def test_any_field_can_be_given_the_block_means_of_another(size, factor):
    coarse, fine = field(*size), field(size[0] * factor, size[1] * factor) ** 2
    weights = np.linspace(1, 2, len(fine))
    made = resample.enforce_block_mean(fine, coarse, factor, weights)
    np.testing.assert_allclose(resample.block_mean(made, factor, weights), coarse, atol=1e-12)
