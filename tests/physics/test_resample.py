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


def test_a_size_that_is_no_multiple_is_refused():
    for coarsen in (resample.block_mean, resample.coarsen_bicubic):
        with pytest.raises(ValueError, match=r"expected .*multiple.* of the factor 4"):
            coarsen(field(6, 8), 4)


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
    fine = resample.enforce_block_mean(resample.bicubic(coarse, 4), coarse, weights)
    np.testing.assert_allclose(resample.block_mean(fine, 4, weights), coarse, atol=1e-14)
    again = resample.enforce_block_mean(fine, coarse, weights)
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
    made = resample.enforce_block_mean(fine, coarse, weights)
    np.testing.assert_allclose(resample.block_mean(made, factor, weights), coarse, atol=1e-12)
