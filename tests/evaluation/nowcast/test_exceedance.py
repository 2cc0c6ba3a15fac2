import numpy as np
import pytest

from mindcast.evaluation.nowcast.exceedance import ExceedanceProbabilities, probability_scores


def scored(ensemble, truth, thresholds=(0.5,), scale=1.0):
    score = ExceedanceProbabilities(truth.shape[1], ensemble.shape[1], thresholds, scale)
    score.update(ensemble, truth)
    return score


def by_name(score):
    return {entry.name: entry for entry in score.result()}


def reliable(cases=4, members=8, leads=2, side=40, seed=0):
    """Each pixel has a chance of rain of its own; members and truth are drawn with it."""
    rng = np.random.default_rng(seed)
    chance = rng.random((cases, 1, leads, side, side, 1))
    draws = (rng.random((cases, members + 1, leads, side, side, 1)) < chance).astype(np.float32)
    return draws[:, 1:], draws[:, 0]


def test_scores_of_four_pixels_by_hand():
    # two members; probabilities 0, 1/2, 1/2, 1; the event at the second and the fourth
    members = np.array([[0, 1, 0, 1], [0, 0, 1, 1]], np.float32)
    ensemble, truth = members.reshape(1, 2, 1, 2, 2, 1), np.array([0, 1, 0, 1], np.float32)
    score = scored(ensemble, truth.reshape(1, 1, 2, 2, 1))
    found = {name: entry.overall for name, entry in by_name(score).items()}
    # (0 + 1/4 + 1/4 + 0) / 4; every frequency is its probability; o = 1/2, its frequencies are
    # 1/2 away from it at two of four pixels: 2 (1/4) / 4
    assert found["brier_0.5"] == found["brier"] == pytest.approx(1 / 8)
    assert found["brier_reliability"] == pytest.approx(0)
    assert found["brier_resolution"] == pytest.approx(1 / 8)
    assert found["brier_uncertainty"] == pytest.approx(1 / 4)
    assert found["brier_skill"] == pytest.approx(1 / 2)
    (diagram,) = score.diagram()
    assert diagram == {
        "threshold": 0.5,
        "probability": [0, 0.5, 1],
        "pixels": [1, 2, 1],
        "observed": [0, 0.5, 1],
        # announced from probability 1 on: the fourth; from 1/2: all but the first; from 0: all
        "false_alarm_rate": [0, 0, 0.5, 1],
        "hit_rate": [0, 0.5, 1, 1],
    }
    # trapezia of widths 0, 1/2, 1/2 and mean heights 3/4 and 1
    assert found["roc_area_0.5"] == found["roc_area"] == pytest.approx(7 / 8)


def test_the_parts_make_up_the_mean_square_of_probability_less_event():
    rng = np.random.default_rng(1)
    ensemble = rng.random((2, 5, 3, 8, 8, 1), np.float32)
    truth = rng.random((2, 3, 8, 8, 1), np.float32) ** 2
    found = by_name(scored(ensemble, truth, (0.3, 0.6)))
    for threshold in (0.3, 0.6):
        squares = np.square((ensemble >= threshold).mean(axis=1) - (truth >= threshold))
        entry = found[f"brier_{threshold}"]
        assert entry.overall == pytest.approx(squares.mean())
        assert entry.per_lead == pytest.approx(squares.mean(axis=(0, 2, 3, 4)))
        parts = [found[f"brier_{part}_{threshold}"] for part in ("reliability", "resolution")]
        uncertainty = found[f"brier_uncertainty_{threshold}"].overall
        assert entry.overall == pytest.approx(parts[0].overall - parts[1].overall + uncertainty)
    assert found["brier"].overall == pytest.approx(
        (found["brier_0.3"].overall + found["brier_0.6"].overall) / 2
    )


def test_the_reliability_of_a_reliable_ensemble_lies_on_what_its_members_can_know():
    score = scored(*reliable())
    (diagram,) = score.diagram()
    # chances spread evenly over 0..1, k of M = 8 members: Beta(k + 1, M - k + 1), its mean is
    # (k + 1) / (M + 2); each k has about 12800 / 9 pixels, a standard deviation below 0.014
    expected = (np.arange(9) + 1) / 10
    np.testing.assert_allclose(diagram["observed"], expected, atol=0.05)
    assert sum(diagram["pixels"]) == 4 * 2 * 40 * 40


def test_a_probability_that_comes_true_as_often_as_it_says_lies_on_the_diagonal():
    rng = np.random.default_rng(2)
    votes = rng.integers(0, 5, (2, 1, 1, 80, 80, 1))
    ensemble = (np.arange(4).reshape(1, 4, 1, 1, 1, 1) < votes).astype(np.float32)
    truth = (rng.random(votes[:, 0].shape) < votes[:, 0] / 4).astype(np.float32)
    score = scored(ensemble, truth)
    (diagram,) = score.diagram()
    # about 2560 pixels a probability: standard deviation below 0.01
    np.testing.assert_allclose(diagram["observed"], diagram["probability"], atol=0.04)
    assert by_name(score)["brier_reliability"].overall < 0.0005


def test_a_single_forecast_has_the_share_of_wrong_pixels():
    ensemble, truth = reliable(members=1)
    wrong = (ensemble[:, 0] != truth).mean()
    assert by_name(scored(ensemble, truth))["brier"].overall == pytest.approx(wrong)


def test_a_value_that_only_rounding_keeps_below_the_threshold_reaches_it():
    codes = np.arange(256, dtype=np.float32).reshape(1, 1, 16, 16, 1) / 255
    score = scored(codes[:, None], codes, range(256), 255)
    for threshold, diagram in enumerate(score.diagram()):
        assert diagram["pixels"] == [threshold, 256 - threshold]
    assert by_name(score)["brier"].overall == 0


def test_pixels_that_the_truth_or_a_member_lacks_count_nowhere():
    ensemble, truth = reliable()
    whole = scored(ensemble[..., :30, :, :], truth[..., :30, :, :])
    ensemble[:, 3, :, 30:35], truth[:, :, 35:] = np.nan, np.nan
    assert scored(ensemble, truth).diagram() == whole.diagram()


def test_what_has_no_pixel_or_no_event_is_undefined():
    nothing = np.full((1, 1, 2, 2, 1), np.nan, np.float32)
    assert all(np.isnan(entry.overall) for entry in scored(nothing[:, None], nothing).result())
    dry = probability_scores(np.array([4, 0]), np.array([0, 0]))
    assert (dry["brier"], dry["brier_uncertainty"]) == (0, 0)
    assert np.isnan(dry["brier_skill"])
