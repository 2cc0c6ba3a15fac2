from dataclasses import replace

import numpy as np
import pytest

from mindcast.refusal import Refusal
from mindcast.visualization.colours import VIL_RGB
from mindcast.visualization.nowcast.panels import forecast_panel
from mindcast.visualization.nowcast.rows import evenly_spread
from tests.visualization.drawing import pixels
from tests.visualization.nowcast.views import make_view


@pytest.mark.parametrize(
    ("frames", "columns", "chosen"),
    [(6, 6, [0, 1, 2, 3, 4, 5]), (20, 6, [3, 7, 11, 15, 19]), (3, 6, [0, 1, 2]), (1, 6, [0])],
)
def test_lead_times_are_equally_far_apart_and_end_with_the_last(frames, columns, chosen):
    assert evenly_spread(frames, columns).tolist() == chosen


def test_a_row_is_added_for_each_member_and_for_the_probability(tmp_path):
    heights = []
    for members in (1, 3):
        forecast_panel(tmp_path / "a.png", make_view(members), 74.0)
        heights.append(pixels(tmp_path / "a.png").shape[0])
    assert heights[1] > heights[0] * 1.3
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


def test_a_row_is_added_for_each_forecast_beside(tmp_path):
    heights = []
    for beside in ((), ("persistence",), ("persistence", "carried")):
        view = make_view(1)
        view.case.forecasts["carried"] = view.case.truth
        forecast_panel(tmp_path / "a.png", replace(view, beside=beside), 74.0)
        heights.append(pixels(tmp_path / "a.png").shape[0])
    # a frame of 1.3 inches and a gap of 0.06 at 110 dots, rounded
    assert np.diff(heights) == pytest.approx(149.6, abs=1)


def test_dry_frames_are_drawn_grey_and_missing_pixels_black(tmp_path):
    view = make_view(members=1, context=1, frames=1)
    case = view.case
    for frames in (case.context, case.truth, *case.forecasts.values()):
        frames[...] = 0
    case.truth[:, :, :6] = np.nan
    forecast_panel(tmp_path / "a.png", view, 74.0)
    picture = pixels(tmp_path / "a.png").reshape(-1, 3)
    frame = 143 * 143  # 1.3 inches at 110 dots
    grey = (picture == VIL_RGB[0]).all(axis=1).sum()
    black = (picture == 0).all(axis=1).sum()
    # context, persistence and forecast wholly grey, truth by half; outcome and truth half black
    assert grey == pytest.approx(3.5 * frame, rel=0.1)
    assert black == pytest.approx(1.0 * frame, rel=0.1)


def test_folder_that_cannot_be_made_is_refused(tmp_path):
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(Refusal, match=r"a\.png: cannot be written"):
        forecast_panel(tmp_path / "taken" / "a.png", make_view(1, 1, 1), 74.0)
