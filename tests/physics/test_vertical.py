import numpy as np
import pytest

from mindcast.physics import vertical
from mindcast.physics.constants import GAS_CONSTANT, GRAVITY, HEAT_CAPACITY, KAPPA

PRESSURE = 100.0 * np.array([1000, 925, 850, 700, 500, 400, 300, 200])


def column(values):
    """(L,) as a field (L, 1, 1)."""
    return np.asarray(values, np.float64)[:, None, None]


def stretched(n):
    z = np.linspace(0, 1, n)
    return 1e5 * np.exp(-0.9 * (z + z**2))


def error_at(n, points):
    s = np.log(stretched(n) / 1e5)
    slope = vertical.log_pressure_derivative(stretched(n)) @ np.sin(1.3 * s)
    return np.abs(slope - 1.3 * np.cos(1.3 * s))[points].max()


@pytest.mark.parametrize("points", [slice(1, -1), [0, -1]])
def test_the_vertical_derivative_is_of_second_order_inside_and_at_the_ends(points):
    order = np.log2(error_at(129, points) / error_at(257, points))
    assert order >= 1.9


@pytest.mark.parametrize("levels", [[1000, 900, 600], [1000, 850, 500, 100], PRESSURE / 100])
def test_the_vertical_derivative_is_exact_for_parabolas_in_ln_p(levels):
    p = 100.0 * np.asarray(levels)
    s = np.log(p / 1e5)
    slope = vertical.log_pressure_derivative(p) @ (288 + 28 * s + 3 * s**2)
    np.testing.assert_allclose(slope, 28 + 6 * s, rtol=1e-12)
    np.testing.assert_allclose(vertical.pressure_derivative(p) @ (28 * s), 28 / p, rtol=1e-12)


def test_the_rows_are_the_published_three_point_weights():
    # s = 0, -1, -3: h1 = -1, h2 = -2, so the middle row is (2/3, 1/2 .. ) by the formula
    p = 1e5 * np.exp([0.0, -1.0, -3.0])
    h1, h2 = -1.0, -2.0
    middle = [-h2 / (h1 * (h1 + h2)), (h2 - h1) / (h1 * h2), h1 / (h2 * (h1 + h2))]
    bottom = [-(2 * h1 + h2) / (h1 * (h1 + h2)), (h1 + h2) / (h1 * h2), -h1 / (h2 * (h1 + h2))]
    matrix = vertical.log_pressure_derivative(p)
    np.testing.assert_allclose(matrix[:2], [bottom, middle], rtol=1e-12)


def test_two_levels_give_the_plain_difference_at_both():
    p = np.array([85000.0, 50000.0])
    slope = vertical.log_pressure_derivative(p) @ np.array([280.0, 255.0])
    np.testing.assert_allclose(slope, [25 / np.log(85 / 50)] * 2)


def test_an_isothermal_column_has_the_stability_kappa_t_over_p():
    s = vertical.static_stability(PRESSURE) @ np.full(8, 260.0)
    np.testing.assert_allclose(s, KAPPA * 260 / PRESSURE, rtol=1e-12)


def test_along_a_dry_adiabat_theta_is_constant_and_layers_are_neutral():
    adiabat = 310 * (PRESSURE / 1e5) ** KAPPA
    theta = vertical.potential_temperature(column(adiabat), PRESSURE)
    np.testing.assert_allclose(theta, 310, rtol=1e-6)
    assert np.abs(vertical.pair_stability(PRESSURE) @ adiabat).max() < 1e-3


def test_a_constant_lapse_rate_is_stable_as_theory_says():
    # T = 288 (p/p0)^(R Gamma/g) with Gamma = 6.5 K/km: S = T (kappa - R Gamma/g) / p
    power = GAS_CONSTANT * 0.0065 / GRAVITY
    temperature = 288 * (PRESSURE / 1e5) ** power
    s = vertical.static_stability(PRESSURE) @ temperature
    np.testing.assert_allclose(s, temperature * (KAPPA - power) / PRESSURE, rtol=5e-3)
    assert (vertical.pair_stability(PRESSURE) @ temperature > 20).all()


def test_swapping_two_levels_of_a_stable_column_makes_a_layer_unstable():
    temperature = 288 * (PRESSURE / 1e5) ** 0.19
    temperature[[0, 1]] = temperature[[1, 0]] + [-20, 20]
    assert (vertical.pair_stability(PRESSURE) @ temperature).min() < 0


def test_thickness_is_the_hypsometric_equation():
    p = np.array([100000.0, 50000.0])
    # 287.05 / 9.80665 * (273.15) * ln 2 = 5542.0 m
    depth = vertical.thickness(p) @ np.array([280.15, 266.15])
    np.testing.assert_allclose(depth, 287.05 / 9.80665 * 273.15 * np.log(2), rtol=1e-12)


def test_a_matrix_acts_on_the_level_axis_of_any_field():
    field = np.random.default_rng(0).normal(size=(2, 3, 8, 4, 5))
    got = vertical.along_levels(vertical.pair_stability(PRESSURE), field)
    assert got.shape == (2, 3, 7, 4, 5)
    expected = vertical.pair_stability(PRESSURE) @ field[1, 2, :, 3, 4]
    np.testing.assert_allclose(got[1, 2, :, 3, 4], expected)


def test_the_heat_capacity_is_that_of_the_chosen_kappa():
    np.testing.assert_allclose(HEAT_CAPACITY, 1004.675)


@pytest.mark.parametrize("p", [[1e5], [5e4, 1e5], [1e5, 1e5], [1e5, -1.0], [[1e5, 9e4]]])
def test_pressures_that_do_not_fall_are_refused(p):
    with pytest.raises(ValueError, match="expected two or more, positive, falling"):
        vertical.log_pressure_derivative(p)
