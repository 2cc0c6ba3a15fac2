import numpy as np
import pytest

from mindcast.physics import horizontal
from mindcast.physics.constants import EARTH_RADIUS
from mindcast.physics.horizontal import Metric, latitude_longitude_metric

M, AMPLITUDE = 3, 12.0


def case(n, north_first=True, lats=(25.0, 55.0)):
    """Latitudes, longitudes and an analytic field with all its derivatives, on n rows."""
    latitude = np.linspace(*lats, n)
    latitude = latitude[::-1] if north_first else latitude
    longitude = np.linspace(80, 125, 3 * (n - 1) // 2 + 1)
    phi, lam = np.meshgrid(np.radians(latitude), np.radians(longitude), indexing="ij")
    sin, cos, a = np.sin(phi), np.cos(phi), EARTH_RADIUS
    exact = {
        "t": 280 - AMPLITUDE * sin**2 + 5 * cos**2 * np.sin(M * lam),
        "u": 25 * cos + 4 * np.sin(lam) * sin,
        "v": 6 * np.cos(lam),
        "dx": 5 * M * cos * np.cos(M * lam) / a,
        "dy": -2 * sin * cos * (AMPLITUDE + 5 * np.sin(M * lam)) / a,
        # (1/(a cos)) [du/dlambda + d(v cos)/dphi]
        "div": (4 * np.cos(lam) * sin - 6 * np.cos(lam) * sin) / (a * cos),
    }
    exact["adv"] = -(exact["u"] * exact["dx"] + exact["v"] * exact["dy"])
    # d2/dlambda2 / (a cos)^2 + (1/(a^2 cos)) d/dphi (cos dT/dphi), dT/dphi = -2 sin cos F
    wave = AMPLITUDE + 5 * np.sin(M * lam)
    exact["lap"] = (-5 * M**2 * np.sin(M * lam) - 2 * (cos**2 - 2 * sin**2) * wave) / a**2
    return latitude, longitude, exact


def discrete(latitude, longitude, exact, periodic=False):
    metric = latitude_longitude_metric(latitude, longitude, periodic)
    d_dx, d_dy = horizontal.gradient(exact["t"], metric)
    return {
        "dx": d_dx,
        "dy": d_dy,
        "adv": horizontal.advection(exact["t"], exact["u"], exact["v"], metric),
        "div": horizontal.divergence(exact["u"], exact["v"], metric),
        "lap": horizontal.laplacian(exact["t"], metric),
    }


def errors(n, **options):
    latitude, longitude, exact = case(n, **options)
    got = discrete(latitude, longitude, exact)
    inner = {"lap": (slice(1, -1), slice(1, -1))}
    return {
        name: np.abs(got[name] - exact[name])[inner.get(name, ...)].max()
        / np.abs(exact[name]).max()
        for name in got
    }


@pytest.mark.parametrize("options", [{}, {"north_first": False}, {"lats": (-60.0, -20.0)}], ids=str)
def test_derivatives_are_of_second_order_on_the_sphere(options):
    coarse, fine = errors(65, **options), errors(129, **options)
    for name, error in fine.items():
        assert np.log2(coarse[name] / error) >= 1.9, name
        assert error < 1e-3


def test_a_constant_field_has_no_derivatives():
    latitude, longitude, exact = case(9)
    got = discrete(latitude, longitude, {**exact, "t": np.full((9, 13), 270.0)})
    assert not any(np.abs(got[name]).max() for name in ("dx", "dy", "adv", "lap"))


def test_reversing_the_rows_reverses_the_results_and_changes_nothing_else():
    latitude, longitude, exact = case(17)
    flipped = discrete(latitude[::-1], longitude, {k: f[::-1] for k, f in exact.items()})
    for name, field in discrete(latitude, longitude, exact).items():
        np.testing.assert_allclose(flipped[name][::-1], field, rtol=0, atol=1e-9 * abs(field).max())


def globe(step=5.0):
    latitude = np.arange(90, -90.1, -step)
    longitude = np.arange(0, 360, step)
    phi, lam = np.meshgrid(np.radians(latitude), np.radians(longitude), indexing="ij")
    return latitude, longitude, 268 + 10 * np.cos(phi) ** 2 * np.cos(2 * lam)


def test_on_a_periodic_grid_a_turn_of_the_field_turns_the_result():
    latitude, longitude, field = globe()
    metric = latitude_longitude_metric(latitude, longitude, periodic=True)
    for operator in (
        lambda f: horizontal.gradient(f, metric)[0],
        lambda f: horizontal.laplacian(f, metric),
    ):
        turned = operator(np.roll(field, 7, axis=1))
        np.testing.assert_allclose(np.roll(operator(field), 7, axis=1), turned, atol=1e-18)


def test_at_the_poles_everything_is_finite_and_x_derivatives_are_zero():
    latitude, longitude, field = globe()
    metric = latitude_longitude_metric(latitude, longitude, periodic=True)
    assert not metric.h_x[[0, -1]].any()
    wind = np.ones_like(field)
    d_dx, d_dy = horizontal.gradient(field, metric)
    div, lap = horizontal.divergence(wind, wind, metric), horizontal.laplacian(field, metric)
    assert np.isfinite([d_dx, d_dy, div, lap]).all()
    assert not d_dx[[0, -1]].any()
    assert not div[[0, -1]].any()
    np.testing.assert_array_equal(lap[0], lap[1])


def test_the_laplacian_of_x_squared_plus_y_squared_is_four_up_to_the_border():
    y, x = np.meshgrid(np.arange(6) * 2.0, np.arange(7) * 3.0, indexing="ij")
    metric = Metric(np.full(x.shape, 3.0), np.full(x.shape, 2.0))
    np.testing.assert_allclose(horizontal.laplacian(x**2 + y**2, metric), 4.0, atol=1e-9)


def test_uneven_latitudes_keep_a_linear_field_s_slope():
    latitude = np.array([10.0, 12.0, 15.0, 19.0, 22.0])
    metric = latitude_longitude_metric(latitude, np.arange(4.0))
    field = np.radians(latitude)[:, None] * np.ones(4)
    np.testing.assert_allclose(horizontal.gradient(field, metric)[1], 1 / EARTH_RADIUS, rtol=1e-12)


def test_fields_too_small_for_a_derivative_are_refused():
    metric = Metric(np.ones((1, 4)), np.ones((1, 4)))
    with pytest.raises(ValueError, match="got 1 points along axis -2, expected at least 2"):
        horizontal.gradient(np.ones((1, 4)), metric)
    metric = Metric(np.ones((4, 2)), np.ones((4, 2)))
    with pytest.raises(ValueError, match="got 2 points along axis -1, expected at least 3"):
        horizontal.laplacian(np.ones((4, 2)), metric)


def test_a_part_of_a_periodic_grid_is_not_periodic():
    metric = Metric(np.ones((4, 6)), np.ones((4, 6)), periodic=True)
    assert metric.cut(slice(1, 3), slice(None)).periodic
    part = metric.cut(slice(1, 3), slice(0, 4))
    assert not part.periodic
    assert part.h_x.shape == (2, 4)
