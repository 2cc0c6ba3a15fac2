import numpy as np
import pytest

from mindcast.visualization.downscale.view import root_mean_square
from tests.cases import LEVELS, SHAPE
from tests.visualization.downscale.views import make_view


def test_an_ensemble_is_shown_by_a_member_its_mean_and_its_spread():
    view = make_view(3)
    assert list(view.estimates) == ["bicubic", "deterministic", "member 0", "mean of 3"]
    members = view.case.forecasts["ours"][..., 0].astype(np.float64)
    np.testing.assert_allclose(view.estimates["mean of 3"], members.mean(axis=0))
    np.testing.assert_allclose(view.spread, members.std(axis=0, ddof=1))


def test_one_member_is_shown_as_a_member_without_a_spread():
    view = make_view(1)
    assert list(view.estimates) == ["bicubic", "deterministic", "member 0"]
    assert view.spread is None


def test_a_forecast_without_members_is_no_member():
    view = make_view(1, with_deterministic=False)
    view.case.forecasts["ours"] = view.case.forecasts["ours"][0]
    assert list(view.estimates) == ["bicubic", "forecast"]
    assert view.spread is None


def test_the_coarse_field_fills_its_blocks():
    view = make_view()
    assert view.coarse_size == (2, 3)
    assert view.coarse.shape == (len(LEVELS), 8, 12)
    coarse = view.case.sample.input.temperature_lr
    assert (view.coarse[:, 4:, 8:] == coarse[:, 1:, 2:, 0]).all()


def test_points_below_ground_are_shown_nowhere():
    ground = np.ones(SHAPE)
    ground[0, :3] = 0
    view = make_view(weight=ground)
    for field in (view.coarse, view.truth["truth"], view.spread, *view.estimates.values()):
        np.testing.assert_array_equal(np.isnan(field), ground[..., 0] == 0)


def test_grey_is_explained_where_there_is_any():
    ground = np.ones(SHAPE)
    assert make_view(weight=ground).ground == ""
    ground[0, :3] = 0
    assert make_view(weight=ground).ground == "; grey: below the ground"


@pytest.mark.parametrize(
    ("latitude", "origin"),
    [
        (None, "upper"),
        (np.linspace(60, 20, 8), "upper"),
        (np.linspace(20, 60, 8), "lower"),
    ],
)
def test_north_is_up(latitude, origin):
    assert make_view(latitude=latitude).origin == origin


def test_method_case_and_time_have_names():
    assert make_view().title == "ours, state"
    assert make_view().moment == "2018-09-17 00:00 UTC"


def test_root_mean_square_leaves_out_what_is_missing():
    assert root_mean_square(np.array([3.0, -4, np.nan])) == pytest.approx(np.sqrt(12.5))
    assert np.isnan(root_mean_square(np.array([np.nan])))
