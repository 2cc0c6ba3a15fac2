import numpy as np
import pytest
import xarray

from mindcast.evaluation.ranks import Ranks


def added(members, truths, weights=None):
    """Ranks of points of one index, the same members at each."""
    truth = np.array(truths, float)[:, None]
    ensemble = np.broadcast_to(
        np.array(members, float)[None, :, None], (len(truth), len(members), 1)
    )
    ranks = Ranks(1, len(members))
    ranks.add(
        ensemble, truth, np.ones(truth.shape) if weights is None else np.array(weights)[:, None]
    )
    return ranks


def test_the_rank_is_the_number_of_members_below():
    ranks = added([3, 1, 2], [0, 1.5, 1.6, 9])
    np.testing.assert_array_equal(ranks.pooled, [1 / 4, 2 / 4, 0, 1 / 4])


@pytest.mark.parametrize(
    ("members", "shares"),
    [
        # the truth is 4: how many are below, and then how many equal it
        ([1, 4, 4, 6], [0, 1 / 3, 1 / 3, 1 / 3, 0]),
        ([4, 4, 4], [1 / 4, 1 / 4, 1 / 4, 1 / 4]),
        ([4, 5], [1 / 2, 1 / 2, 0]),
        ([1, 4], [0, 1 / 2, 1 / 2]),
    ],
)
def test_a_point_with_equal_members_counts_evenly_for_the_ranks_it_may_have(members, shares):
    np.testing.assert_allclose(added(members, [4]).pooled, shares)


def test_values_with_many_ties_leave_a_reliable_ensemble_flat():
    rng = np.random.default_rng(0)
    draws = np.maximum(rng.standard_normal((1, 6, 1, 20000)), 0.5).round(1)  # 69 % are 0.5
    ranks = Ranks(1, 5)
    ranks.add(draws[:, 1:], draws[:, 0], np.ones((1, 1, 20000)))
    # a share of 1/6 of 20000 points has standard deviation below 0.0027
    np.testing.assert_allclose(ranks.pooled, 1 / 6, atol=0.011)


def test_points_count_by_their_weight_and_every_index_for_itself():
    np.testing.assert_array_equal(added([1], [0, 2], [3.0, 1.0]).pooled, [3 / 4, 1 / 4])
    ranks = Ranks(3, 1)
    ensemble, truth = np.ones((1, 1, 3, 2)), np.array([[[0.0, 0], [0, 2], [2, 2]]])
    ranks.add(ensemble, truth, np.array([[[True, True], [True, True], [False, False]]]))
    np.testing.assert_array_equal(ranks.each, [[1, 0], [1 / 2, 1 / 2], [np.nan, np.nan]])
    np.testing.assert_array_equal(ranks.pooled, [3 / 4, 1 / 4])


def test_without_ties_the_shares_are_those_of_scores():
    from scores.probability import rank_histogram

    rng = np.random.default_rng(5)
    ensemble, truth = rng.random((6, 5, 2, 4)), rng.random((6, 2, 4)) ** 2
    ranks = Ranks(2, 5)
    ranks.add(ensemble, truth, np.ones(truth.shape))
    theirs = rank_histogram(
        xarray.DataArray(ensemble, dims=("n", "member", "lead", "x")),
        xarray.DataArray(truth, dims=("n", "lead", "x")),
        "member",
        preserve_dims=["lead"],
    )
    np.testing.assert_allclose(ranks.each, theirs.transpose("lead", "rank").values)
