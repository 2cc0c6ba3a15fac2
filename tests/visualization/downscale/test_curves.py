import numpy as np

from mindcast.visualization.downscale.curves import level_profiles, rank_histograms, spectrum_curves
from tests.cases import LEVELS
from tests.visualization.downscale.views import make_result
from tests.visualization.drawing import colours_in

BASELINE, METHOD = (127, 127, 127), (0, 114, 178)
BASELINES = ("bicubic",)


def test_curves_draw_the_baseline_grey_and_the_method_blue(tmp_path):
    level_profiles(tmp_path / "levels.png", make_result(), BASELINES)
    spectrum_curves(tmp_path / "spectra.png", make_result(), BASELINES, most=1)
    for name in ("levels.png", "spectra.png"):
        assert {BASELINE, METHOD, (0, 0, 0)} <= colours_in(tmp_path / name)


def test_undefined_scores_leave_a_gap_and_no_failure(tmp_path):
    result = make_result()
    row = result["rows"]["bicubic"]
    row["scores"]["skill"]["values"] = [None] * len(LEVELS)
    row["spectrum"]["ratio"][0] = [None, np.nan, 0.0, 1.0, 1.0, 1.0]
    level_profiles(tmp_path / "a.png", result, BASELINES)
    spectrum_curves(tmp_path / "b.png", result, BASELINES, most=1)


def test_rank_histograms_are_drawn_for_ensembles_only(tmp_path):
    assert rank_histograms(tmp_path / "a.png", make_result(), BASELINES, most=2)
    assert METHOD in colours_in(tmp_path / "a.png")
    assert not rank_histograms(tmp_path / "b.png", make_result(ensemble=False), BASELINES)
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]
