import numpy as np
import pytest

from mindcast.visualization.downscale_case import root_mean_square
from tests.visualization.downscaling import LEVELS, make_case


def test_an_ensemble_is_shown_by_a_member_its_mean_and_its_spread():
    case = make_case(3)
    assert list(case.estimates) == ["bicubic", "deterministic", "member 0", "mean of 3"]
    members = case.members[..., 0]
    np.testing.assert_allclose(case.estimates["mean of 3"], members.mean(axis=0))
    np.testing.assert_allclose(case.spread, members.std(axis=0, ddof=1))


def test_one_forecast_is_shown_as_it_is():
    case = make_case(1, with_deterministic=False)
    assert list(case.estimates) == ["bicubic", "forecast"]
    assert case.spread is None


def test_the_coarse_field_fills_its_blocks():
    case = make_case()
    assert case.factor == 4
    assert case.coarse.shape == (len(LEVELS), 8, 12)
    assert (case.coarse[:, 4:, 8:] == case.temperature_lr[:, 1:, 2:, 0]).all()


def test_points_below_ground_are_shown_nowhere():
    ground = np.ones((len(LEVELS), 8, 12, 1))
    ground[0, :3] = 0
    case = make_case(above_ground=ground)
    for field in (case.coarse, case.true, case.spread, *case.estimates.values()):
        np.testing.assert_array_equal(np.isnan(field), ground[..., 0] == 0)


@pytest.mark.parametrize(
    ("latitude", "origin"),
    [
        (None, "upper"),
        (np.linspace(60, 20, 8), "upper"),
        (np.linspace(20, 60, 8), "lower"),
        (np.tile(np.linspace(20, 60, 8)[:, None], 12), "lower"),
    ],
)
def test_north_is_up(latitude, origin):
    assert make_case(latitude=latitude).origin == origin


def test_time_and_levels_have_names():
    assert make_case().moment == "2018-09-17 00:00 UTC"
    assert make_case(time=None).moment == ""
    assert make_case().level_name(1) == "850 hPa"


def test_root_mean_square_leaves_out_what_is_missing():
    assert root_mean_square(np.array([3.0, -4, np.nan])) == pytest.approx(np.sqrt(12.5))
    assert np.isnan(root_mean_square(np.array([np.nan])))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"bicubic": np.zeros((4, 8, 11, 1))}, "got fields .* expected all"),
        ({"members": np.zeros((3, 4, 8, 11, 1))}, "got members"),
        ({"levels_hpa": np.array([500.0])}, "1 levels, expected"),
    ],
)
def test_case_of_unlike_arrays_is_named(changes, message):
    with pytest.raises(ValueError, match=message):
        make_case(**changes)
