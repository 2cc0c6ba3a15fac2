import numpy as np
import pytest

from mindcast.evaluation.nowcast.probability_matched import probability_matched_mean


def draw(cases=2, members=4, frames=3, side=8, seed=0):
    """Rain on a third of the pixels, dry elsewhere."""
    rng = np.random.default_rng(seed)
    ensemble = rng.random((cases, members, frames, side, side + 1, 1), np.float32)
    return np.maximum(ensemble * 1.5 - 1, 0).astype(np.float32)


def row(*members):
    """Members of one frame of one row of pixels."""
    return np.array(members, np.float32)[None, :, None, None, :, None]


def test_the_pattern_of_the_mean_gets_the_values_of_the_members():
    # means .1 .4 .5 .2, so the order is 0 3 1 2; pooled 0 0 | 0 .2 | .2 .4 | .6 1, the upper of two
    matched = probability_matched_mean(row([0.2, 0.2, 0.0, 0.4], [0, 0.6, 1.0, 0.0]))
    np.testing.assert_array_equal(matched.ravel(), np.array([0, 0.4, 1, 0.2], np.float32))


@pytest.mark.parametrize("members", [2, 3, 8])
def test_each_lead_time_has_the_distribution_of_all_its_members(members):
    ensemble = draw(members=members)
    matched = probability_matched_mean(ensemble)
    assert (matched.shape, matched.dtype) == ((2, 3, 8, 9, 1), np.float32)
    for case, lead in np.ndindex(2, 3):
        pooled = np.sort(ensemble[case, :, lead], axis=None).reshape(-1, members)
        middle = pooled[:, members // 2]
        np.testing.assert_array_equal(np.sort(matched[case, lead], axis=None), middle)
        for threshold in (0.1, 0.3, 0.49):
            reached = np.count_nonzero(matched[case, lead] >= threshold)
            expected = np.count_nonzero(pooled >= threshold) / members
            assert abs(reached - expected) <= 0.5


def test_the_order_of_the_mean_is_kept():
    ensemble = draw(cases=1, frames=1)
    order = np.argsort(ensemble.mean(axis=1, dtype=np.float64), axis=None)
    assert (np.diff(probability_matched_mean(ensemble).ravel()[order]) >= 0).all()


def test_members_that_agree_and_a_single_one_are_kept_bit_for_bit():
    member = draw(members=1)
    for count in (1, 2, 5):
        matched = probability_matched_mean(np.repeat(member, count, axis=1))
        np.testing.assert_array_equal(matched, member[:, 0])


def test_what_is_dry_in_all_members_stays_dry():
    ensemble = draw(members=3)
    dry = (ensemble == 0).all(axis=1)
    assert dry.any()
    assert (probability_matched_mean(ensemble)[dry] == 0).all()


def test_equal_means_are_ordered_by_what_surrounds_them_not_by_their_place():
    # both members have rain on half of the pixels, one on the left, one on the right; the mean is
    # 0.5 everywhere but at the right edge: of the pooled values half are 0, and they go to the left
    ensemble = np.zeros((1, 2, 1, 6, 20, 1), np.float32)
    ensemble[:, 0, :, :, :10] = ensemble[:, 1, :, :, 10:] = 1
    ensemble[..., 19, :] += 0.5
    matched = probability_matched_mean(ensemble)[0, 0, :, :, 0]
    assert (matched[:, 19] == 1.5).sum() == 3
    assert matched[:, 17:].min() == 1
    turned = probability_matched_mean(ensemble[:, :, :, ::-1])[0, 0, :, :, 0]
    np.testing.assert_array_equal(turned[:, 17:].sum(axis=0), matched[:, 17:].sum(axis=0))


def test_pixels_that_a_member_lacks_are_missing_and_give_no_values():
    ensemble = row([0.2, 0.2, 0.0, 0.4], [0, 0.6, 1.0, 0.0])
    with_gap = np.concatenate([row([9.0], [np.nan]), ensemble], axis=4)
    matched = probability_matched_mean(with_gap).ravel()
    assert np.isnan(matched[0])
    np.testing.assert_array_equal(matched[1:], probability_matched_mean(ensemble).ravel())
    assert np.isnan(probability_matched_mean(np.full_like(ensemble, np.nan))).all()
