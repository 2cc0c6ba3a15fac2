import numpy as np
import pytest

from mindcast.evaluation.means import RunningMean, mean_of_defined, ratio


def test_batches_add_up_to_weighted_means_of_each_index():
    rng = np.random.default_rng(0)
    values, weight = rng.random((2, 5, 3, 4, 4))
    mean = RunningMean(3)
    for part in (slice(0, 2), slice(2, 5)):
        mean.add(values[part], weight[part])
    expected = [np.average(values[:, k], weights=weight[:, k]) for k in range(3)]
    np.testing.assert_allclose(mean.each, expected)
    assert mean.pooled == pytest.approx(np.average(values, weights=weight))
    assert mean.mean_of_each == pytest.approx(np.mean(expected))


def test_a_mask_counts_like_weights_of_one_and_zero():
    rng = np.random.default_rng(1)
    values, mask = rng.random((2, 3, 4), np.float32), rng.random((2, 3, 4)) > 0.5
    by_mask, by_weight = RunningMean(3), RunningMean(3)
    by_mask.add(values, mask)
    by_weight.add(values, mask.astype(float))
    np.testing.assert_allclose(by_mask.each, by_weight.each, rtol=1e-7)


def test_a_nan_is_shown_unless_it_has_no_weight():
    values, mask = np.ones((1, 2, 2)), np.ones((1, 2, 2), bool)
    values[0, :, 0] = np.nan
    mask[0, 0, 0] = False
    for weight in (mask, mask.astype(float)):
        mean = RunningMean(2)
        mean.add(values, weight)
        np.testing.assert_array_equal(mean.each, [1, np.nan])


def test_what_has_no_weight_is_undefined_and_left_out_of_the_mean():
    mean = RunningMean(2)
    assert np.isnan([mean.pooled, mean.mean_of_each, *mean.each]).all()
    mean.add(np.array([[5.0, 7.0]]), np.array([[0.0, 2.0]]))
    np.testing.assert_array_equal(mean.each, [np.nan, 7])
    assert (mean.pooled, mean.mean_of_each) == (7, 7)
    assert np.isnan(mean_of_defined(np.ones(2), np.zeros(2, bool)))


def test_a_quotient_by_zero_is_undefined():
    np.testing.assert_array_equal(ratio(np.array([1.0, 2]), np.array([0, 4])), [np.nan, 0.5])
