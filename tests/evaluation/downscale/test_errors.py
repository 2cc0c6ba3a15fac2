import mindspore as ms
import numpy as np
import pytest
from mindearth.core import RelativeRMSELoss

from mindcast.evaluation.downscale.errors import GradientError, PointErrors, RelativeError
from tests.evaluation.downscale.fields import draw, entries, target_of


def two_levels():
    """Errors 3 and 1 K on two halves of level 0; -4 K everywhere on level 1."""
    truth = np.full((1, 2, 4, 4), 250.0)
    field = truth.copy()
    field[:, 0, :, :2] += 3
    field[:, 0, :, 2:] += 1
    field[:, 1] -= 4
    return field, truth


def test_errors_take_the_root_last_and_levels_alike():
    field, truth = two_levels()
    score = PointErrors(2)
    score.update(field, target_of(truth))
    found = entries(score)
    # level 0: mean square (9 + 1) / 2 = 5, mean absolute and signed 2; level 1: 16, 4, -4
    assert found["rmse"].values == pytest.approx((np.sqrt(5), 4))
    assert found["rmse"].overall == pytest.approx(np.sqrt((5 + 16) / 2))
    assert found["mae"].values == pytest.approx((2, 4))
    assert found["bias"].values == pytest.approx((2, -4))
    assert (found["mae"].overall, found["bias"].overall) == pytest.approx((3, -1))


def test_points_below_ground_do_not_count_even_if_they_are_nan():
    field, truth = two_levels()
    weight = np.ones((*truth.shape, 1))
    weight[:, 0, :, :2] = 0
    truth[:, 0, :, :2] = np.nan
    scores = [score(2) for score in (PointErrors, RelativeError, GradientError)]
    found = {}
    for score in scores:
        score.update(field, target_of(truth, weight=weight))
        found |= entries(score)
    assert found["rmse"].values == pytest.approx((1, 4))  # only the half with 1 K is left
    assert found["gradient_mae"].values == pytest.approx((0, 0))  # the step lay at its edge
    assert found["relative_rmse"].values == pytest.approx((1 / 250, 4 / 250))


def test_a_nan_above_ground_is_not_hidden():
    field, truth = two_levels()
    field[0, 1, 0, 0] = np.nan
    score = PointErrors(2)
    score.update(field, target_of(truth))
    assert np.isnan(entries(score)["rmse"].values).tolist() == [False, True]


def test_area_weighs_the_squares():
    field, truth = two_levels()
    area = np.ones((4, 4))
    area[:, :2] = 3  # mean 2: weights 1.5 and 0.5 for errors of 3 and 1 K
    score = PointErrors(2)
    score.update(field, target_of(truth, area=area))
    assert entries(score)["rmse"].values[0] == pytest.approx(np.sqrt((1.5 * 9 + 0.5 * 1) / 2))


def test_a_level_wholly_below_ground_is_undefined_and_left_out_of_the_mean():
    field, truth = two_levels()
    weight = np.ones((*truth.shape, 1))
    weight[:, 0] = 0
    score = PointErrors(2)
    score.update(field, target_of(truth, weight=weight))
    found = entries(score)["rmse"]
    assert np.isnan(found.values[0])
    assert found.overall == pytest.approx(4)


def test_relative_rmse_is_that_of_mindearth():
    ensemble, truth = draw()
    score = RelativeError(3)
    score.update(ensemble[:, 0], target_of(truth))
    tensors = (ms.Tensor(field.astype(np.float32)) for field in (ensemble[:, 0], truth))
    assert entries(score)["relative_rmse"].overall == pytest.approx(
        float(RelativeRMSELoss()(*tensors)), rel=1e-5
    )


def test_gradient_error_is_the_mean_of_both_directions():
    # e = 2 i + 5 j (i along x): differences 2 along x, 5 along y
    error = np.add.outer(5.0 * np.arange(4), 2.0 * np.arange(4))
    truth = np.full((1, 1, 4, 4), 250.0)
    score = GradientError(1)
    score.update(truth + error, target_of(truth))
    assert entries(score)["gradient_mae"].overall == pytest.approx((2 + 5) / 2)
