import mindspore as ms
import numpy as np
import pytest
from mindspore import Parameter, Tensor, nn

from mindcast.layers.channel_norm import ChannelLayerNorm, UnitRMS

SHAPE = (4, 6, 3, 5)


def normal(shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def layer_norm(x, gamma):
    mean = x.mean(1, keepdims=True)
    return (x - mean) / np.sqrt(x.var(1, keepdims=True) + 1e-5) * gamma.reshape(1, -1, 1, 1)


def rms_norm(x, gamma):
    length = np.sqrt((x * x).sum(1, keepdims=True))
    return x / np.maximum(length, 1e-12) * np.sqrt(x.shape[1]) * gamma.reshape(1, -1, 1, 1)


class RMSNorm(nn.Cell):
    def __init__(self, channels):
        super().__init__()
        self.gain = Parameter(Tensor(np.ones((channels, 1, 1), np.float32)))
        self.unit = UnitRMS(channels)

    def construct(self, x, factor=None):
        return self.unit(x, self.gain, factor)


CASES = [(ChannelLayerNorm, layer_norm), (RMSNorm, rms_norm)]


@pytest.mark.parametrize(("make", "expected"), CASES)
def test_values_and_gradients_are_those_of_the_formula(make, expected, kernels):
    x, gamma, cotangent = normal(SHAPE), normal(SHAPE[1], 1), normal(SHAPE, 2)
    cell = make(SHAPE[1])
    (weight,) = cell.get_parameters()
    weight.set_data(Tensor(gamma.reshape(weight.shape)))
    np.testing.assert_allclose(cell(Tensor(x)).asnumpy(), expected(x, gamma), atol=1e-5)

    def loss(x):
        return (cell(x) * Tensor(cotangent)).sum()

    dx, (d_gamma,) = ms.grad(loss, 0, ms.ParameterTuple([weight]))(Tensor(x))

    def scalar(x, gamma):
        return (expected(x, gamma) * cotangent).sum()

    x, gamma = x.astype(np.float64), gamma.astype(np.float64)
    for array, got, index in ((x, dx, (1, 2, 0, 3)), (gamma, d_gamma, (4,))):
        step = np.zeros(array.shape)
        step[index] = 1e-5
        arguments = [(x + s, gamma) if array is x else (x, gamma + s) for s in (step, -step)]
        slope = (scalar(*arguments[0]) - scalar(*arguments[1])) / 2e-5
        assert got.asnumpy().reshape(array.shape)[index] == pytest.approx(slope, rel=2e-3, abs=1e-4)


def test_a_factor_of_each_frame_multiplies_the_result(kernels):
    x, factor = normal(SHAPE), normal(SHAPE[:2], 1)
    cell = RMSNorm(SHAPE[1])
    plain = cell(Tensor(x)).asnumpy()
    got = cell(Tensor(x), Tensor(factor)).asnumpy()
    np.testing.assert_allclose(got, plain * factor[:, :, None, None], rtol=1e-5, atol=1e-6)


def test_positions_of_all_zero_channels_give_zero_and_a_finite_gradient(kernels):
    cell, x = RMSNorm(3), Tensor(np.zeros((1, 3, 2, 2), np.float32))
    gradient = ms.grad(lambda x: cell(x).sum())(x)
    assert not cell(x).asnumpy().any()
    assert np.isfinite(gradient.asnumpy()).all()


def test_a_vector_keeps_its_direction_and_gets_a_mean_square_of_one(kernels):
    x = normal(SHAPE)
    y = RMSNorm(SHAPE[1])(Tensor(x)).asnumpy()
    np.testing.assert_allclose((y * y).mean(axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(y / x, np.broadcast_to((y / x)[:, :1], x.shape), rtol=1e-5)
