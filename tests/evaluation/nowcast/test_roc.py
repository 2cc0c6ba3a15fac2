import numpy as np
import pytest
import xarray

from mindcast.evaluation.nowcast.exceedance import ExceedanceProbabilities
from mindcast.evaluation.nowcast.roc import roc_area, roc_curve

MEMBERS, THRESHOLD = 4, 0.5


def draw(seed=0):
    """Members that know something of the truth."""
    rng = np.random.default_rng(seed)
    truth = rng.random((2, 3, 12, 12, 1), np.float32)
    ensemble = (truth[:, None] + rng.random((2, MEMBERS, *truth.shape[1:]), np.float32)) / 2
    return ensemble, truth


def scored(ensemble, truth):
    score = ExceedanceProbabilities(truth.shape[1], ensemble.shape[1], (THRESHOLD,), 1.0)
    score.update(ensemble, truth)
    return score


def area(score):
    return next(entry for entry in score.result() if entry.name == "roc_area")


def test_the_curve_and_its_area_agree_with_pysteps():
    from pysteps.verification import probscores

    ensemble, truth = draw()
    probability = (ensemble >= THRESHOLD).mean(axis=1)
    theirs = probscores.ROC_curve_init(THRESHOLD, n_prob_thrs=MEMBERS + 1)
    probscores.ROC_curve_accum(theirs, probability, truth)
    false_alarms, hits, expected = probscores.ROC_curve_compute(theirs, compute_area=True)
    score = scored(ensemble, truth)
    (curve,) = score.diagram()
    # theirs from the lowest probability on, without the point of no announcement
    np.testing.assert_allclose(curve["false_alarm_rate"][:0:-1], false_alarms)
    np.testing.assert_allclose(curve["hit_rate"][:0:-1], hits)
    assert 0.6 < expected < 1
    assert area(score).overall == pytest.approx(expected)


def test_the_area_of_each_lead_time_and_the_brier_score_agree_with_scores():
    from scores.probability import brier_score_for_ensemble, roc_curve_data

    ensemble, truth = draw()
    dims = ("case", "lead", "y", "x", "c")
    probability = xarray.DataArray((ensemble >= THRESHOLD).mean(axis=1), dims=dims)
    event = xarray.DataArray((truth >= THRESHOLD) * 1.0, dims=dims)
    steps = np.linspace(0, 1, MEMBERS + 1)
    theirs = roc_curve_data(probability, event, thresholds=steps, preserve_dims=["lead"])
    score = scored(ensemble, truth)
    assert area(score).per_lead == pytest.approx(theirs["AUC"].values)
    members = xarray.DataArray(ensemble, dims=("case", "member", *dims[1:]))
    observed = xarray.DataArray(truth, dims=dims)
    brier = brier_score_for_ensemble(
        members, observed, "member", THRESHOLD, fair_correction=False, preserve_dims=["lead"]
    )
    found = next(entry for entry in score.result() if entry.name == "brier")
    assert found.per_lead == pytest.approx(brier.values.ravel())


def test_a_perfect_forecast_has_area_1_and_one_that_knows_nothing_a_half():
    ensemble, truth = draw()
    assert area(scored(np.repeat(truth[:, None], MEMBERS, axis=1), truth)).overall == 1
    assert area(scored(np.zeros_like(ensemble), truth)).overall == 0.5
    chance = np.random.default_rng(1).random(ensemble.shape, np.float32)
    # 864 pixels: a standard deviation of about 0.02
    assert area(scored(chance, truth)).overall == pytest.approx(0.5, abs=0.08)


def test_a_single_forecast_has_the_mean_of_hits_and_correct_negatives():
    # one point (F, H): a triangle and a trapezium, (1 + H - F) / 2; H = 3/4, F = 1/8
    pixels, events = np.array([8, 4]), np.array([1, 3])
    false_alarms, hits = roc_curve(pixels, events)
    np.testing.assert_allclose(false_alarms, [0, 1 / 8, 1])
    np.testing.assert_allclose(hits, [0, 3 / 4, 1])
    assert roc_area(pixels, events) == pytest.approx((1 + 3 / 4 - 1 / 8) / 2)


def test_without_events_or_with_nothing_else_it_is_undefined():
    assert np.isnan(roc_area(np.array([4, 0]), np.array([0, 0])))
    assert np.isnan(roc_area(np.array([1, 3]), np.array([1, 3])))
