import numpy as np
import pytest

from mindcast.evaluation.nowcast.frame_mean import (
    FrameMeanScores,
    PaddedPoolScores,
    padded_max_pool,
    whole_codes,
)


def fields(*frames):
    """(1, T, 1, W, 1) scaled fields of rows given in physical values 0..90."""
    return np.array(frames, np.float32).reshape(1, len(frames), 1, -1, 1) / np.float32(90)


def by_name(score):
    return {entry.name: entry for entry in score.result()}


def test_values_are_clipped_and_rounded_down():
    field = np.array([-0.2, 19.99 / 90, 20 / 90, 1.3, np.nan], np.float32)
    np.testing.assert_array_equal(whole_codes(field, 90), [0, 19, 20, 90, np.nan])


def test_each_frame_counts_alike_and_a_dry_one_counts_zero():
    truth = fields([30, 30, 30, 0], [0, 0, 0, 0], [30, 0, 0, 0])
    forecast = fields([30, 0, 0, 30], [0, 0, 0, 0], [30, 30, 0, 0])
    score = FrameMeanScores(3, (20,), 90)
    score.update(forecast, truth)
    found = by_name(score)
    # hits, misses, false alarms, correct negatives: 1 2 1 0; 0 0 0 4; 1 0 1 2
    assert found["csi_frame_mean_20"].per_lead == pytest.approx((1 / 4, 0, 1 / 2))
    assert found["csi_frame_mean"].overall == pytest.approx(1 / 4)
    assert found["pod_frame_mean"].per_lead == pytest.approx((1 / 3, 0, 1))
    assert found["far_frame_mean"].per_lead == pytest.approx((1 / 2, 0, 1 / 2))
    # 2 (1 0 - 2 1) / (3 2 + 2 1) = -1/2; 0; 2 (1 2 - 0 1) / (1 2 + 2 3) = 1/2
    assert found["hss_frame_mean"].per_lead == pytest.approx((-1 / 2, 0, 1 / 2))


def test_samples_of_a_frame_are_added_before_the_ratio():
    truth = np.concatenate([fields([30, 30, 30, 30]), fields([0, 0, 0, 30])])
    forecast = np.concatenate([fields([30, 30, 30, 30]), fields([0, 0, 30, 0])])
    whole, parts = (FrameMeanScores(1, (20, 80), 90) for _ in range(2))
    whole.update(forecast, truth)
    for n in range(2):
        parts.update(forecast[n : n + 1], truth[n : n + 1])
    # 4 hits, 1 miss, 1 false alarm: 4/6, not the mean of 1 and 0; nothing reaches 80: 0
    for score in (whole, parts):
        assert by_name(score)["csi_frame_mean_20"].overall == pytest.approx(4 / 6)
        assert by_name(score)["csi_frame_mean"].overall == pytest.approx(2 / 6)


def test_nothing_is_defined_before_the_first_batch():
    for score in (FrameMeanScores(2, (20,), 90), PaddedPoolScores(2, (20,), 90, 4)):
        assert all(np.isnan(entry.overall) for entry in score.result())


@pytest.mark.parametrize(
    ("size", "blocks"), [((8, 8), (3, 3)), ((9, 11), (3, 3)), ((3, 4), (1, 2))]
)
def test_zeros_fill_up_blocks_and_add_a_band_where_none_is_needed(size, blocks):
    field = np.ones((1, 1, *size, 1), np.float32)
    pooled = padded_max_pool(field, 4)[0, 0, ..., 0]
    assert pooled.shape == blocks
    assert pooled[-1].any() == (size[0] % 4 != 0)
    assert pooled[:, -1].any() == (size[1] % 4 != 0)


def test_blocks_of_all_frames_make_one_ratio_and_none_is_undefined():
    truth = np.zeros((1, 2, 4, 4, 1), np.float32)
    forecast = truth.copy()
    truth[0, 0, 0, 0] = truth[0, 1, 3, 3] = forecast[0, 0, 1, 1] = forecast[0, 1, 0, 0] = 0.5
    score = PaddedPoolScores(2, (20, 60), 90, 2)
    score.update(forecast, truth)
    found = by_name(score)
    # frame 0: the same block; frame 1: two blocks, one missed and one false
    assert found["csi_padded_20_pool2"].overall == pytest.approx(1 / 3)
    assert found["csi_padded_20_pool2"].per_lead == pytest.approx((1, 0))
    assert np.isnan(found["csi_padded_60_pool2"].overall)
    assert np.isnan(found["csi_padded_pool2"].overall)
    # 2 frames of 3 x 3 blocks, 3 of them with an event somewhere
    assert score.pooled.counts.correct_negatives[0].sum() == 18 - 3
