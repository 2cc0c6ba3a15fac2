import mindspore as ms
import numpy as np
import pytest
from mindspore import Tensor, ops

from mindcast.layers.conv_gru import ConvGRULayer

CHANNELS = 3


def unit(kernel=3):
    ms.set_seed(0)
    return ConvGRULayer(CHANNELS, kernel)


def frames(count=4):
    return np.random.default_rng(1).standard_normal((2, count, CHANNELS, 5, 6), np.float32)


def frame_by_frame(gru, x):
    """The definition, with the convolutions of [x, h] in one piece."""
    h, states = ops.zeros_like(Tensor(x[:, 0])), []
    for t in range(x.shape[1]):
        now = Tensor(x[:, t])
        gates = ops.sigmoid(gru.conv_gates(ops.cat((now, h), 1)))
        reset, update = gates[:, :CHANNELS], gates[:, CHANNELS:]
        candidate = ops.tanh(gru.conv_cans(ops.cat((now, reset * h), 1)))
        h = (1 - update) * h + update * candidate
        states.append(h.asnumpy())
    return states


@pytest.mark.parametrize("kernel", [1, 3, 5])
def test_the_states_are_those_of_the_definition(kernel, kernels):
    gru, x = unit(kernel), frames()
    for got, expected in zip(gru(Tensor(x)), frame_by_frame(gru, x), strict=True):
        np.testing.assert_allclose(got.asnumpy(), expected, atol=1e-6)


def test_nothing_of_one_sequence_is_left_for_the_next():
    gru, x = unit(), frames()
    first = [state.asnumpy() for state in gru(Tensor(x))]
    for state, again in zip(first, gru(Tensor(x)), strict=True):
        np.testing.assert_array_equal(state, again.asnumpy())


def test_a_state_does_not_know_later_frames():
    gru, x = unit(), frames()
    other = x.copy()
    other[:, 2:] += 1
    for got, expected in zip(gru(Tensor(other))[:2], gru(Tensor(x))[:2], strict=True):
        np.testing.assert_array_equal(got.asnumpy(), expected.asnumpy())
