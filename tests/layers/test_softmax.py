import mindspore as ms
import numpy as np
import pytest
from mindspore import Tensor

from mindcast.layers import softmax
from mindcast.layers.softmax import make_softmax


@pytest.fixture(params=[True, False])
def cell(request, monkeypatch):
    monkeypatch.setattr(softmax, "on_cpu", lambda: request.param)
    return make_softmax()


def numbers(shape, seed):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def expected_softmax(x):
    shifted = np.exp(x - x.max(-1, keepdims=True))
    return shifted / shifted.sum(-1, keepdims=True)


@pytest.mark.parametrize("shape", [(5, 3), (2, 3, 4, 7), (1, 1)])
def test_values_and_gradients_are_those_of_the_formula(cell, shape):
    x, cotangent = numbers(shape, 0), numbers(shape, 1)
    weights = expected_softmax(x.astype(np.float64))
    np.testing.assert_allclose(cell(Tensor(x)).asnumpy(), weights, atol=1e-6)
    gradient = ms.grad(lambda x: (cell(x) * Tensor(cotangent)).sum())(Tensor(x))
    along = weights * cotangent
    expected = along - weights * along.sum(-1, keepdims=True)
    np.testing.assert_allclose(gradient.asnumpy(), expected, atol=1e-6)


def test_large_and_blocked_logits_give_neither_overflow_nor_nan(cell):
    x = np.array([[1e30, 0, np.finfo(np.float32).min]], np.float32)
    assert cell(Tensor(x)).asnumpy().tolist() == [[1, 0, 0]]
    gradient = ms.grad(lambda x: cell(x)[:, 0].sum())(Tensor(x))
    assert gradient.asnumpy().tolist() == [[0, 0, 0]]
