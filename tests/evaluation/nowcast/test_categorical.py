import numpy as np
import pytest

from mindcast.evaluation.nowcast.categorical import SCORES, CategoricalScores, Counts, max_pool
from mindcast.evaluation.nowcast.frame_mean import FrameMeanScores
from mindcast.refusal import Refusal


def frame(rows):
    return np.array(rows, np.float32)[None, None, :, :, None]


def entries(score):
    return {entry.name: entry for entry in score.result()}


def test_counts_and_scores_of_a_small_table():
    # >= 74: hit, miss / false alarm, correct negative and, at exactly 74, one more hit
    score = CategoricalScores(frames=1, thresholds=(74,))
    score.update(frame([[80, 10, 74], [90, 0, 0]]), frame([[75, 100, 74], [73, 0, 73.9]]))
    found = entries(score)
    counts = [
        found[f"{name}_74"].overall
        for name in ("hits", "misses", "false_alarms", "correct_negatives")
    ]
    assert counts == [2, 1, 1, 2]
    assert found["csi_74"].overall == pytest.approx(2 / 4.0001, abs=1e-12)
    assert found["pod_74"].overall == pytest.approx(2 / 3.0001, abs=1e-12)
    assert found["sucr_74"].overall == pytest.approx(2 / 3.0001, abs=1e-12)
    assert found["far_74"].overall == pytest.approx(1 / 3)
    assert found["frequency_bias_74"].overall == pytest.approx(3 / 3)
    # 2 (2 2 - 1 1) / ((2 + 1)(1 + 2) + (2 + 1)(1 + 2)) = 6 / 18
    assert found["hss_74"].overall == pytest.approx(1 / 3)
    assert found["bias_as_published_prediff_74"].overall == pytest.approx(
        (3 / 3.0001 / np.log(2)) ** 2
    )


def test_an_event_that_never_happens_has_csi_zero_and_no_bias():
    score = CategoricalScores(frames=1, thresholds=(219,))
    score.update(frame([[1, 2]]), frame([[3, 4]]))
    found = entries(score)
    assert [found[f"{name}_219"].overall for name in ("csi", "pod", "sucr")] == [0, 0, 0]
    for name in ("far", "hss", "frequency_bias"):
        assert np.isnan(found[f"{name}_219"].overall)
        assert np.isnan(found[name].overall)


def test_pixels_with_nan_in_either_field_count_nowhere():
    score = CategoricalScores(frames=1, thresholds=(16,))
    score.update(frame([[np.nan, 20, 20, 0]]), frame([[20, np.nan, 20, 0]]))
    assert [int(values[0, 0]) for values in vars(score.counts).values()] == [1, 0, 0, 1]


def test_overall_adds_counts_before_it_divides_and_per_lead_does_not():
    forecast = np.zeros((1, 2, 1, 4, 1), np.float32)
    truth = np.full((1, 2, 1, 4, 1), 20, np.float32)
    forecast[0, 0] = 20  # lead 1: four hits, lead 2: four misses
    score = CategoricalScores(frames=2, thresholds=(16,), eps=0)
    score.update(forecast, truth)
    assert entries(score)["csi_16"].overall == 4 / 8
    assert entries(score)["csi_16"].per_lead == (1, 0)


def test_mean_over_thresholds_is_the_plain_mean():
    score = CategoricalScores(frames=1, thresholds=(16, 74), eps=0)
    score.update(frame([[20, 80]]), frame([[20, 20]]))
    # CSI-16 = 2 / 2, CSI-74 = 0 / 1
    assert entries(score)["csi"].overall == 0.5
    assert entries(score)["csi"].threshold is None


def test_batches_add_up_to_the_whole():
    rng = np.random.default_rng(0)
    forecast, truth = rng.uniform(0, 255, (2, 5, 3, 16, 16, 1)).astype(np.float32)
    whole, parts = (CategoricalScores(3, (74, 160), pool=4) for _ in range(2))
    whole.update(forecast, truth)
    for batch in (slice(0, 2), slice(2, 5)):
        parts.update(forecast[batch], truth[batch])
    assert str(parts.result()) == str(whole.result())  # as text, where NaN equals NaN


def test_pooling_takes_block_maxima_and_drops_what_is_left_over():
    field = np.arange(15, dtype=np.float32).reshape(1, 1, 3, 5, 1)
    # rows 0-1, columns 0-3 of [[0 1 2 3 4] [5 6 7 8 9] [10 ..]]: maxima 6 and 8
    assert max_pool(field, 2)[0, 0, :, :, 0].tolist() == [[6, 8]]


def test_a_block_with_a_missing_pixel_is_missing():
    assert np.isnan(max_pool(frame([[1, np.nan], [2, 3]]), 2)).all()


def test_pooling_makes_a_near_miss_a_hit():
    score = CategoricalScores(frames=1, thresholds=(74,), pool=2, eps=0)
    score.update(frame([[80, 0], [0, 0]]), frame([[0, 0], [0, 80]]))
    assert entries(score)["csi_74_pool2"].overall == 1


def test_pool_larger_than_the_frame_is_refused():
    with pytest.raises(Refusal, match="pools: 16, expected at most the frame's 8 pixels"):
        max_pool(np.zeros((1, 1, 8, 12, 1), np.float32), 16)


def test_wrong_shapes_are_named():
    with pytest.raises(ValueError, match=r"expected two of \(N, 2, H, W, C\)"):
        CategoricalScores(2, (16,)).update(np.zeros((1, 3, 4, 4, 1)), np.zeros((1, 3, 4, 4, 1)))


@pytest.mark.parametrize("name", ["csi", "pod", "sucr", "hss", "frequency_bias"])
def test_a_perfect_forecast_scores_one(name):
    counts = Counts(*(np.array([n]) for n in (10_000_000, 0, 0, 5_000_000_000)))
    assert SCORES[name](counts, 0)[0] == 1


@pytest.mark.parametrize("scale", [*range(50, 121, 5), 70.5, 255])
def test_a_value_that_is_exactly_a_threshold_reaches_it_whatever_the_scale(scale):
    thresholds = [float(value) for value in range(1, 50)]
    for threshold in thresholds:
        field = np.full((1, 1, 2, 2, 1), threshold, np.float32) / np.float32(scale)
        score = CategoricalScores(1, [threshold], value_scale=scale)
        score.update(field, field)
        assert score.counts.hits.item() == 4, threshold
        means = FrameMeanScores(1, [threshold], scale)
        means.update(field, field)
        assert means.pooled.counts.hits.item() == 4, threshold


def test_a_value_below_a_threshold_by_more_than_rounding_does_not_reach_it():
    # 30 (1 - 1e-6) is below 30 by 8 eps of float32
    field = np.full((1, 1, 2, 2, 1), 30 * (1 - 1e-6) / 90, np.float32)
    score = CategoricalScores(1, [30.0], value_scale=90.0)
    score.update(field, field)
    assert score.counts.hits.item() == 0


def test_physical_values_are_compared_as_they_are():
    below = np.full((1, 1, 2, 2, 1), np.nextafter(np.float32(219), np.float32(0)))
    score = CategoricalScores(1, [219.0])
    score.update(below, below)
    assert score.counts.hits.item() == 0
