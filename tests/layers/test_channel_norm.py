import mindspore as ms
import numpy as np
import pytest
from mindspore import Tensor

from src.layers.channel_norm import ChannelRMSNorm


def normed(x):
    return ChannelRMSNorm(x.shape[1])(Tensor(x)).asnumpy()


def image(seed=0):
    return np.random.default_rng(seed).standard_normal((2, 9, 3, 4), np.float32)


def test_every_position_gets_a_vector_whose_mean_square_is_one():
    y = normed(image())
    np.testing.assert_allclose((y * y).mean(axis=1), 1, rtol=1e-5)


def test_the_direction_of_a_position_s_vector_is_kept():
    x = image()
    ratio = normed(x) / x
    np.testing.assert_allclose(ratio, np.broadcast_to(ratio[:, :1], x.shape), rtol=1e-5)


def test_a_position_of_zeros_stays_zero_and_has_a_finite_gradient():
    x = image()
    x[0, :, 1, 1] = 0
    norm = ChannelRMSNorm(x.shape[1])

    def total(x):
        return norm(x).sum()

    assert not normed(x)[0, :, 1, 1].any()
    assert np.isfinite(ms.grad(total)(Tensor(x)).asnumpy()).all()


@pytest.mark.parametrize("channels", [1, 5])
def test_the_factor_of_a_channel_multiplies_it_alone(channels):
    norm, x = ChannelRMSNorm(channels), image()[:, :channels]
    factor = np.ones(channels, np.float32)
    factor[-1] = 3
    expected = norm(Tensor(x)).asnumpy() * factor[:, None, None]
    norm.g.set_data(Tensor(factor.reshape(1, -1, 1, 1)))
    np.testing.assert_allclose(norm(Tensor(x)).asnumpy(), expected, rtol=1e-6)
