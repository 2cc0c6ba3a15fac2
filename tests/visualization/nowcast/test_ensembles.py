import numpy as np
import pytest

from mindcast.evaluation.nowcast.suite import NowcastSuite
from mindcast.visualization.nowcast import thresholds
from mindcast.visualization.nowcast.ensembles import (
    rank_histograms,
    reliability_diagrams,
    spread_curves,
)
from mindcast.visualization.nowcast.roc import roc_curves
from tests.visualization.drawing import colours_in

PICTURES = (spread_curves, reliability_diagrams, rank_histograms, roc_curves)
METHOD, BLACK = (0, 114, 178), (0, 0, 0)


def result(members, thresholds=(16, 74, 999)):
    rng = np.random.default_rng(0)
    suite = NowcastSuite(("persistence", "ours"), thresholds, 255, (1,), (10, 20))
    truth = rng.random((2, 2, 12, 12, 1), np.float32)
    suite.update("persistence", rng.random(truth.shape, np.float32), truth)
    shape = (2, members, *truth.shape[1:]) if members else truth.shape
    suite.update("ours", rng.random(shape, np.float32), truth)
    return suite.result()


@pytest.mark.parametrize("picture", PICTURES)
def test_an_ensemble_is_drawn_beside_what_a_reliable_one_would_be(tmp_path, monkeypatch, picture):
    monkeypatch.setattr(thresholds, "COLUMNS", 2)
    assert picture(tmp_path / "a.png", result(3), ("persistence",))
    assert {METHOD, BLACK} <= colours_in(tmp_path / "a.png")


@pytest.mark.parametrize("picture", PICTURES)
def test_without_an_ensemble_nothing_is_drawn(tmp_path, picture):
    assert not picture(tmp_path / "a.png", result(0), ("persistence",))
    assert not list(tmp_path.iterdir())


def test_one_member_has_ranks_and_no_spread(tmp_path):
    assert rank_histograms(tmp_path / "a.png", result(1), ())
    assert not spread_curves(tmp_path / "b.png", result(1), ())


@pytest.mark.parametrize("picture", PICTURES)
def test_undefined_scores_leave_a_gap_and_no_failure(tmp_path, picture):
    suite = NowcastSuite(("ours",), (16,), 255, (1,), (10,))
    suite.update(
        "ours", np.zeros((1, 2, 1, 12, 12, 1), np.float32), np.full((1, 1, 12, 12, 1), np.nan)
    )
    assert picture(tmp_path / "a.png", suite.result(), ())
