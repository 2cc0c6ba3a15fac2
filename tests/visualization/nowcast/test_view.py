import numpy as np

from mindcast.visualization.times import clock
from tests.visualization.nowcast.views import make_view


def test_times_count_from_the_last_frame_of_the_context():
    view = make_view(context=3, frames=2)
    assert view.minutes.tolist() == [-20, -10, 0, 10, 20]
    assert clock(view.start) == "07:20"


def test_one_member_is_called_a_member_and_a_forecast_without_members_is_not():
    view = make_view(members=1)
    assert view.first == "member 0"
    view.case.forecasts["ours"] = view.case.forecasts["ours"][0]
    assert view.first == "forecast"


def test_fields_are_shown_in_physical_values():
    view = make_view(members=3, context=4, frames=6, side=12)
    assert view.title == "ours, event"
    np.testing.assert_array_equal(view.truth, view.case.truth[..., 0] * np.float32(255))
    assert view.context.shape == (4, 12, 12)
    assert view.members.shape == (3, 6, 12, 12)
    assert view.members.dtype == np.float32


def test_the_matched_mean_has_the_values_of_the_members():
    view = make_view(members=3, frames=2)
    assert view.matched.shape == (2, 12, 12)
    for lead in range(2):
        pooled = np.sort(view.members[:, lead], axis=None)  # the middle one of every three is kept
        np.testing.assert_array_equal(np.sort(view.matched[lead], axis=None), pooled[1::3])
    alone = make_view(members=1)
    np.testing.assert_array_equal(alone.matched, alone.members[0])
