import numpy as np

from mindcast.physics.constants import EARTH_RADIUS, EARTH_ROTATION, GRAVITY
from mindcast.physics.horizontal import latitude_longitude_metric
from mindcast.physics.wind import coriolis, geostrophic_wind, omega_from_continuity

PRESSURE = 100.0 * np.array([1000, 850, 700, 500, 300, 200])


def divergence_linear_in_p(bottom=1.0, slope=-1.3):
    pattern = 1e-5 * np.random.default_rng(0).normal(size=(4, 5))
    p = PRESSURE[:, None, None]
    exact = -(bottom * (p - p[-1]) + slope * (p**2 - p[-1] ** 2) / 2e5) * pattern
    return (bottom + slope * p / 1e5) * pattern, exact


def test_omega_is_exact_for_a_divergence_linear_in_pressure():
    divergence, exact = divergence_linear_in_p()
    omega = omega_from_continuity(divergence, PRESSURE, corrected=False)
    np.testing.assert_allclose(omega, exact, atol=1e-12)


def test_the_corrected_omega_vanishes_at_both_ends_and_keeps_the_top():
    divergence, exact = divergence_linear_in_p()
    omega = omega_from_continuity(divergence, PRESSURE)
    assert not omega[[0, -1]].any()
    share = (PRESSURE - PRESSURE[-1]) / (PRESSURE[0] - PRESSURE[-1])
    np.testing.assert_allclose(omega, exact - exact[0] * share[:, None, None], atol=1e-12)


def test_leading_axes_are_kept_apart():
    divergence, _ = divergence_linear_in_p()
    both = omega_from_continuity(np.stack([divergence, 2 * divergence]), PRESSURE)
    np.testing.assert_allclose(both[1], 2 * both[0], atol=1e-15)


def test_f_is_held_away_from_zero_with_its_sign():
    np.testing.assert_allclose(coriolis(np.array([5.0, -5.0, 0.0])), [2.5e-5, -2.5e-5, 2.5e-5])
    np.testing.assert_allclose(coriolis(np.array(30.0)), EARTH_ROTATION)


def geostrophic_error(n, sign):
    """Against z = z0 -+ (Omega a U / g) sin^2, whose wind is u = +-U cos(phi) on either side."""
    latitude = sign * np.linspace(55, 25, n)
    longitude = np.linspace(80, 125, n)
    phi = np.radians(latitude)[:, None] * np.ones(n)
    z = 5500 - EARTH_ROTATION * EARTH_RADIUS * 25 / GRAVITY * np.sin(phi) ** 2
    metric = latitude_longitude_metric(latitude, longitude)
    u, v = geostrophic_wind(z, latitude[:, None] * np.ones(n), metric)
    assert np.abs(v).max() < 1e-9
    return np.abs(u - 25 * np.cos(phi)).max()


def test_the_geostrophic_wind_is_right_and_of_second_order_on_both_hemispheres():
    for sign in (1, -1):
        coarse, fine = geostrophic_error(65, sign), geostrophic_error(129, sign)
        assert fine < 0.01
        assert np.log2(coarse / fine) >= 1.9
