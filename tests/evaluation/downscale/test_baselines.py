import numpy as np
import pytest

from mindcast.evaluation.downscale.baselines import BASELINES, interpolated
from mindcast.evaluation.downscale.consistency import BlockMeanError
from mindcast.evaluation.downscale.target import Target
from tests.evaluation.downscale.fields import draw, entries, target_of


def target_above(coarse):
    coarse = np.asarray(coarse)[..., None]
    return Target(np.zeros((1, 2, 24, 24, 1)), coarse, 4)


@pytest.mark.parametrize("method", BASELINES)
def test_baselines_keep_constants(method):
    fine = interpolated(method, target_above(np.full((1, 2, 6, 6), 250.0)))
    assert fine.shape == (1, 2, 24, 24, 1)
    np.testing.assert_allclose(fine, 250, rtol=1e-12)


def test_bilinear_interpolation_keeps_slopes_inside():
    slope = np.broadcast_to(250.0 + 4 * np.arange(6), (1, 2, 6, 6))
    fine = interpolated("bilinear", target_above(slope))
    # fine point i lies at (i + 1/2) / 4 - 1/2 of the coarse grid; the clamped border is left out
    expected = 250 + 4 * ((np.arange(24) + 0.5) / 4 - 0.5)
    np.testing.assert_allclose(fine[0, 0, 0, 4:-4, 0], expected[4:-4])


@pytest.mark.parametrize("row_weights", [None, np.cos(np.linspace(0, 1.5, 16))])
def test_conservative_interpolation_alone_keeps_the_block_means(row_weights):
    _, truth = draw()
    target = target_of(truth, row_weights=row_weights)
    errors = {}
    for method in BASELINES:
        score = BlockMeanError(3)
        score.update(interpolated(method, target)[..., 0], target)
        errors[method] = entries(score)["block_mean_rmse"].overall
    assert errors["bicubic-conservative"] == pytest.approx(0, abs=1e-10)
    assert min(errors["bicubic"], errors["bilinear"]) > 0.1


def test_block_mean_error_is_zero_for_the_truth_and_sees_a_shift():
    _, truth = draw()
    score = BlockMeanError(3)
    score.update(truth, target_of(truth))
    assert entries(score)["block_mean_rmse"].overall == pytest.approx(0, abs=1e-10)
    score = BlockMeanError(3)
    score.update(truth + np.array([1.0, 2, 3])[:, None, None], target_of(truth))
    assert entries(score)["block_mean_rmse"].values == pytest.approx((1, 2, 3))


def test_block_means_are_taken_with_the_weights_of_the_coarsening():
    _, truth = draw()
    weights = np.cos(np.linspace(0, 1.5, 16))
    score = BlockMeanError(3)
    score.update(truth, target_of(truth, row_weights=weights))
    assert entries(score)["block_mean_rmse"].overall == pytest.approx(0, abs=1e-10)


def test_blocks_that_reach_below_ground_do_not_count():
    _, truth = draw()
    weight = np.ones((*truth.shape, 1))
    weight[:, :, 0, 0] = 0
    field = truth.copy()
    field[:, :, 0, 0] += 100
    score = BlockMeanError(3)
    score.update(field, target_of(truth, weight=weight))
    assert entries(score)["block_mean_rmse"].overall == pytest.approx(0, abs=1e-10)
