import numpy as np
import pytest

from mindcast.evaluation.nowcast.suite import NowcastSuite
from mindcast.visualization.nowcast import curves
from mindcast.visualization.nowcast.curves import bias_curves, csi_curves, error_curves
from tests.visualization.drawing import colours_in

BASELINES = ("persistence",)


@pytest.fixture
def result():
    rng = np.random.default_rng(0)
    suite = NowcastSuite(("persistence", "ours"), (16, 74), 255, (1, 4), (10, 20))
    truth = rng.random((2, 2, 12, 12, 1), np.float32)
    suite.update("persistence", rng.random(truth.shape, np.float32), truth)
    suite.update("ours", rng.random((2, 3, *truth.shape[1:]), np.float32), truth)
    return suite.result()


def test_curves_draw_the_baseline_grey_and_the_method_blue(result, tmp_path):
    csi_curves(tmp_path / "csi.png", result, BASELINES, pool=4)
    error_curves(tmp_path / "errors.png", result, BASELINES)
    for name in ("csi.png", "errors.png"):
        assert {(127, 127, 127), (0, 114, 178)} <= colours_in(tmp_path / name)


def test_undefined_scores_leave_a_gap_and_no_failure(result, tmp_path):
    row = result["rows"]["persistence"]
    broken = {"ssim": {**row["scores"]["ssim"], "per_lead": [None, np.nan]}}
    rows = {"persistence": {**row, "scores": {**row["scores"], **broken}}}
    error_curves(tmp_path / "errors.png", {**result, "rows": rows}, BASELINES)
    assert (tmp_path / "errors.png").stat().st_size > 0


def test_a_bias_beyond_the_panel_is_cut_off(result, tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr(
        curves, "save_with_legend", lambda figure, axes, path, columns: drawn.append(axes)
    )
    scores = result["rows"]["ours (member 0)"]["scores"]
    scores["frequency_bias_16"] = {**scores["frequency_bias_16"], "per_lead": [50.0, None]}
    bias_curves(tmp_path / "bias.png", result, BASELINES)
    assert drawn[0].get_title() == "threshold 16"
    assert drawn[0].get_ylim() == (0, 3)


@pytest.mark.parametrize(("count", "marker"), [(10, "o"), (11, "")])
def test_many_lead_times_are_not_marked_one_by_one(count, marker):
    assert curves.point_marker({"lead_minutes": range(count)}) == marker
