import numpy as np
import pytest

from mindcast.evaluation.crps import crps
from mindcast.evaluation.nowcast.probabilistic import EnsembleCRPS, SpreadSkill


def draw(members, seed=0):
    rng = np.random.default_rng(seed)
    ensemble = rng.random((2, members, 3, 4, 4, 1), np.float32)
    return ensemble, rng.random((2, 3, 4, 4, 1), np.float32)


def test_score_is_named_after_its_estimator_and_comes_in_both_units():
    ensemble, truth = draw(4)
    for fair, name in ((True, "crps"), (False, "crps_plain")):
        score = EnsembleCRPS(3, 255, fair)
        score.update(ensemble[:1], truth[:1])
        score.update(ensemble[1:], truth[1:])
        unit, physical = score.result()
        assert (unit.name, physical.name) == (name, f"{name}_physical")
        assert unit.overall == pytest.approx(crps(ensemble, truth, fair).mean())
        assert physical.per_lead == pytest.approx([255 * value for value in unit.per_lead])


def test_missing_truth_is_left_out_and_a_missing_member_stays_visible():
    ensemble, truth = draw(3)
    truth[:, 0, 0] = np.nan
    ensemble[0, 1, 1, 2] = np.nan
    score = EnsembleCRPS(3, 255)
    score.update(ensemble, truth)
    first, second, _ = score.result()[0].per_lead
    assert first == pytest.approx(crps(ensemble, truth)[:, 0, 1:].mean())
    assert np.isnan(second)


def test_reliable_ensemble_has_ratio_one():
    rng = np.random.default_rng(2)
    draws = rng.standard_normal((1, 6, 1, 200, 200, 1))
    score = SpreadSkill(1)
    score.update(draws[:, 1:], draws[:, 0])
    spread, skill = score.result()
    assert spread.overall == pytest.approx(1, rel=0.02)
    assert skill.overall == pytest.approx(1, rel=0.02)


def test_one_member_has_no_spread():
    score = SpreadSkill(3)
    score.update(*draw(1))
    assert all(np.isnan(entry.overall) for entry in score.result())
