import numpy as np
import pytest
from mindspore import Tensor, ops

from mindcast.models.diffcast.backbones.moments import derivative_moments, kernels_of, moments
from mindcast.models.diffcast.backbones.phydnet import MomentError
from tests.models.diffcast.backbones.small import frames, small


def test_moments_of_finite_differences_are_their_derivatives():
    identity = np.zeros((3, 3))
    identity[1, 1] = 1
    along_x = np.zeros((3, 3))
    along_x[1] = [-0.5, 0, 0.5]
    along_yy = np.zeros((3, 3))
    along_yy[:, 1] = [1, -2, 1]
    expected = np.zeros((3, 3, 3))
    expected[0, 0, 0] = expected[1, 0, 1] = expected[2, 2, 0] = 1
    # the central difference has no moment of order 2, the second difference none of order 0 or 1
    np.testing.assert_allclose(moments(np.stack([identity, along_x, along_yy])), expected)


@pytest.mark.parametrize("size", [3, 5, 7])
def test_moment_error_vanishes_for_exact_derivatives_and_only_there(size):
    exact = kernels_of(derivative_moments(size))[:, None].repeat(2, 1).astype(np.float32)
    error = MomentError(size)
    assert float(error(Tensor(exact)).asnumpy()) < 1e-9
    exact[0, 0, 0, 0] += 1.0
    assert float(error(Tensor(exact)).asnumpy()) > 1e-3


def test_moment_error_is_a_mean_over_filters_and_moments_and_a_sum_over_channels():
    kernels = np.random.default_rng(0).normal(size=(9, 4, 3, 3)).astype(np.float32)
    square = np.square(moments(kernels) - derivative_moments(3)[:, None])
    expected = square.mean(axis=(0, 2, 3)).sum()
    np.testing.assert_allclose(MomentError(3)(Tensor(kernels)).asnumpy(), expected, rtol=1e-5)


def test_own_first_forecast_as_a_further_context_frame_gives_the_rest_of_the_forecast():
    forecast = small("phydnet", context=2, target=3)(frames(2)).asnumpy()
    context = ops.cat((frames(2), Tensor(forecast[:, :1])), 1)
    rest = small("phydnet", context=3, target=2)(context).asnumpy()
    np.testing.assert_allclose(rest, forecast[:, 1:], atol=1e-5)


def one_step_forecasts(context, target):
    """What a network that saw the first k frames says of frame k, then the forecast proper."""
    steps = context.shape[1]
    known = [
        small("phydnet", context=k, target=1)(context[:, :k]).asnumpy() for k in range(1, steps)
    ]
    return [*known, small("phydnet", context=steps, target=target.shape[1])(context).asnumpy()]


@pytest.mark.parametrize("steps", [1, 3])
def test_loss_sums_the_errors_of_all_one_step_forecasts_and_the_moment_term(steps):
    context, target = frames(steps), frames(2, seed=1)
    truth = np.concatenate((context.asnumpy(), target.asnumpy()), 1)[:, 1:]
    error = np.concatenate(one_step_forecasts(context, target), 1) - truth
    by_step = np.square(error).mean(axis=(0, 2, 3, 4))
    backbone = small("phydnet", context=steps, target=2)
    moment = float(backbone.moment_loss().asnumpy())
    _, loss = backbone.forecast_and_loss(context, target)
    np.testing.assert_allclose(loss.asnumpy(), by_step.sum() + moment, rtol=1e-5)
    averaged = small("phydnet", steps, 2, mean_over_steps=True, moment_weight=0.0)
    _, loss = averaged.forecast_and_loss(context, target)
    np.testing.assert_allclose(loss.asnumpy(), by_step.mean(), rtol=1e-5)


def test_forecast_lies_strictly_between_0_and_1():
    forecast = small("phydnet")(frames(2) * 50).asnumpy()
    assert 0 < forecast.min() < forecast.max() < 1
