import numpy as np
import pytest

from mindcast.evaluation.downscale.ensemble import EnsembleErrors, RankHistogram
from tests.evaluation.downscale.fields import draw, entries, target_of


def constant(members, truth=0.0):
    """An ensemble of constant fields on one level, and its truth."""
    values = np.array(members, np.float64)[None, :, None, None, None]
    return np.broadcast_to(values, (1, len(members), 1, 4, 4)), np.full((1, 1, 4, 4), truth)


def test_scores_of_three_members_by_hand():
    ensemble, truth = constant([1, 2, 6])
    score = EnsembleErrors(1)
    score.update(ensemble, target_of(truth))
    found = {name: entry.overall for name, entry in entries(score).items()}
    # mean |x - y| = 3; |x_i - x_j| over all pairs: 2 (1 + 5 + 4) = 20
    assert found["crps"] == pytest.approx(3 - 20 / (2 * 3 * 2))
    assert found["crps_plain"] == pytest.approx(3 - 20 / (2 * 9))
    # mean 3, unbiased variance (4 + 1 + 9) / 2 = 7; error of the mean 3
    assert found["spread"] == pytest.approx(np.sqrt(7))
    assert found["spread_skill"] == pytest.approx(np.sqrt(4 / 3) * np.sqrt(7) / 3)


def test_one_member_has_the_absolute_error_and_no_spread():
    ensemble, truth = constant([-2])
    score = EnsembleErrors(1)
    score.update(ensemble, target_of(truth))
    found = {name: entry.overall for name, entry in entries(score).items()}
    assert found["crps"] == found["crps_plain"] == 2
    assert np.isnan(found["spread"])
    assert np.isnan(found["spread_skill"])


def test_a_truth_drawn_like_the_members_has_ratio_one_and_flat_ranks():
    ensemble, truth = draw(cases=4, members=5, side=32)
    score, ranks = EnsembleErrors(3), RankHistogram(3, 5)
    score.update(ensemble, target_of(truth))
    ranks.update(ensemble, target_of(truth))
    assert entries(score)["spread_skill"].overall == pytest.approx(1, abs=0.02)
    # 4096 points a level: a share of 1/6 has standard deviation 0.006
    np.testing.assert_allclose(ranks.result(), 1 / 6, atol=0.025)
    np.testing.assert_allclose(ranks.result().sum(axis=1), 1)


def test_ranks_count_the_members_below_the_truth():
    ensemble, truth = constant([1, 2, 6], truth=4.0)
    ranks = RankHistogram(1, 3)
    ranks.update(ensemble, target_of(truth))
    np.testing.assert_array_equal(ranks.result(), [[0, 0, 1, 0]])


def test_equal_members_share_a_point_evenly():
    ensemble, truth = constant([1, 4, 4, 6], truth=4.0)
    ranks = RankHistogram(1, 4)
    ranks.update(ensemble, target_of(truth))
    # one below, two equal: the truth may have rank 1, 2 or 3
    np.testing.assert_allclose(ranks.result(), [[0, 1 / 3, 1 / 3, 1 / 3, 0]])


def test_ranks_below_ground_do_not_count():
    ensemble, truth = constant([1, 2], truth=4.0)
    weight = np.ones((*truth.shape, 1))
    weight[..., :2, :] = 0
    truth[..., :2] = 0.0  # rank 0, all of it below ground
    ranks = RankHistogram(1, 2)
    ranks.update(ensemble, target_of(truth, weight=weight))
    np.testing.assert_array_equal(ranks.result(), [[0, 0, 1]])
