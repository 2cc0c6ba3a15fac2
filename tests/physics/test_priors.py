import numpy as np

from mindcast.physics.constants import KAPPA
from mindcast.physics.horizontal import Metric, latitude_longitude_metric
from mindcast.physics.priors import (
    PRIORS,
    Winds,
    geostrophic_winds,
    known_winds,
    no_winds,
    prior_channels,
)
from mindcast.physics.wind import omega_from_continuity

PRESSURE = 100.0 * np.array([1000, 850, 700, 500, 300])
LATITUDE, LONGITUDE = np.linspace(60, 30, 7), np.linspace(0, 40, 9)
METRIC = latitude_longitude_metric(LATITUDE, LONGITUDE)
SHAPE = (5, 7, 9)


def random(seed, scale):
    return scale * np.random.default_rng(seed).normal(size=SHAPE)


def test_a_constant_temperature_leaves_only_the_stability():
    temperature = np.full(SHAPE, 270.0)
    still = Winds(random(0, 10), random(1, 10), np.zeros(SHAPE))
    channels = prior_channels(temperature, still, PRESSURE, METRIC)
    assert channels.shape == (*SHAPE, len(PRIORS))
    assert not channels[..., [0, 1, 3, 4, 5]].any()
    expected = (100 * KAPPA * 270 / PRESSURE)[:, None, None] * np.ones(SHAPE)
    np.testing.assert_allclose(channels[..., 2], expected, rtol=1e-12)


def test_units_are_those_that_are_announced():
    # 1 K per km along x, 10 m/s along x, omega 1 Pa/s, isothermal in the vertical
    metric = Metric(np.full(SHAPE[1:], 1000.0), np.full(SHAPE[1:], 1000.0))
    temperature = np.broadcast_to(np.arange(9.0) + 250, SHAPE)
    winds = Winds(np.full(SHAPE, 10.0), np.zeros(SHAPE), np.ones(SHAPE))
    channels = prior_channels(temperature, winds, PRESSURE, metric)
    np.testing.assert_allclose(channels[..., 0], -864.0)  # -10 m/s * 1e-3 K/m * 86400 s
    np.testing.assert_allclose(channels[..., 3], 100.0)
    stability = KAPPA * temperature / PRESSURE[:, None, None]
    np.testing.assert_allclose(channels[..., 1], stability * 86400)


def test_without_winds_the_tendencies_are_zero_and_the_rest_is_the_same():
    temperature = random(0, 5) + 260
    blind = no_winds(temperature)
    assert not blind.present
    windy = known_winds(random(1, 10), random(2, 10), None, PRESSURE, METRIC)
    without, with_winds = (
        prior_channels(temperature, winds, PRESSURE, METRIC) for winds in (blind, windy)
    )
    assert not without[..., :2].any()
    assert with_winds[..., :2].any()
    np.testing.assert_array_equal(without[..., 2:], with_winds[..., 2:])


def test_a_given_omega_is_used_and_a_missing_one_comes_from_continuity():
    u, v, omega = (random(seed, 10) for seed in range(3))
    assert known_winds(u, v, omega, PRESSURE, METRIC).omega is omega
    made = known_winds(u, v, None, PRESSURE, METRIC).omega
    assert made[1:-1].any()
    assert not made[[0, -1]].any()
    assert np.abs(made - omega_from_continuity(0 * u, PRESSURE)).max() > 0


def test_geostrophic_winds_have_no_omega_but_count_as_winds():
    height = random(0, 30) + 5000
    winds = geostrophic_winds(height, LATITUDE[:, None] * np.ones(9), METRIC)
    assert winds.present
    assert winds.u.any()
    assert not winds.omega.any()


def test_reversing_the_rows_flips_all_channels_and_nothing_else():
    temperature = random(0, 5) + 260
    u, v = random(1, 10), random(2, 10)

    def channels(flip):
        step = -1 if flip else 1
        metric = latitude_longitude_metric(LATITUDE[::step], LONGITUDE)
        fields = (field[:, ::step] for field in (u, v))
        winds = known_winds(*fields, None, PRESSURE, metric)
        return prior_channels(temperature[:, ::step], winds, PRESSURE, metric)[:, ::step]

    got, expected = channels(flip=True), channels(flip=False)
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-9 * np.abs(expected).max())
