import numpy as np
import pytest

from mindcast.evaluation.crps import crps
from mindcast.evaluation.nowcast.probabilistic import EnsembleCRPS, RankHistogram, SpreadSkill


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


def rain(members, seed=0, side=64):
    """Rain on some of the pixels of two lead times, members and truth drawn alike."""
    rng = np.random.default_rng(seed)
    field = rng.standard_normal((1, 1, 2, side, side, 1))
    draws = np.maximum(field + rng.standard_normal((1, members + 1, 2, side, side, 1)) - 1, 0)
    return draws[:, 1:].astype(np.float32), draws[:, 0].astype(np.float32)


def test_ranks_of_rain_are_flat_for_a_reliable_ensemble_and_leave_dry_pixels_out():
    ensemble, truth = rain(4)
    score = RankHistogram(2, 4, dry=0.1)
    score.update(ensemble, truth)
    found = score.result()
    wet = (truth > 0.1) | (ensemble > 0.1).any(axis=1)
    assert found["wet"] == wet.mean()
    assert 0.3 < found["wet"] < 0.8
    # some 4500 pixels, which share their field with the truth: standard deviation below 0.006
    np.testing.assert_allclose(found["overall"], 1 / 5, atol=0.025)
    np.testing.assert_allclose(np.sum(found["per_lead"], axis=1), 1)


def test_members_that_are_nearly_dry_are_ties_with_the_dry_truth():
    ensemble, truth = rain(4)
    score, moist = RankHistogram(2, 4, dry=0.1), RankHistogram(2, 4, dry=0.1)
    score.update(ensemble, truth)
    moist.update(np.maximum(ensemble, 0.01), truth)
    assert moist.result() == score.result()
    with_zeros = RankHistogram(2, 4, dry=0.0)
    with_zeros.update(np.maximum(ensemble, 0.01), truth)
    assert with_zeros.result()["overall"][0] > 0.5  # the trap: zeros are below every member


def test_ranks_leave_out_what_the_truth_or_a_member_lacks():
    ensemble, truth = rain(3)
    score, part = RankHistogram(2, 3, dry=0.1), RankHistogram(2, 3, dry=0.1)
    part.update(ensemble[..., :40, :, :], truth[..., :40, :, :])
    truth[:, :, 40:50], ensemble[:, 1, :, 50:] = np.nan, np.nan
    score.update(ensemble, truth)
    assert score.result() == part.result()


def test_ranks_without_rain_are_undefined():
    score = RankHistogram(2, 3, dry=0.1)
    score.update(np.zeros((1, 3, 2, 4, 4, 1), np.float32), np.zeros((1, 2, 4, 4, 1), np.float32))
    assert np.isnan(score.result()["overall"]).all()
    assert score.result()["wet"] == 0
