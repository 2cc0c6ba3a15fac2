import mindspore as ms
import numpy as np
import pytest
from mindspore import Tensor

from mindcast.layers.softmax import BiasedSoftmax, Softmax


@pytest.fixture
def cell(kernels):
    return Softmax()


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


@pytest.mark.parametrize("biased", [True, False])
@pytest.mark.parametrize("masked", [True, False])
def test_bias_and_mask_are_added_to_the_scaled_scores(kernels, biased, masked):
    # 6 groups of 2 heads, 5 queries, 7 keys; masks for 3 groups repeat along the first axis
    x, cotangent = numbers((6, 2, 5, 7), 0), numbers((6, 2, 5, 7), 1)
    bias = numbers((2, 5, 7), 2) if biased else None
    mask = -1e18 * (numbers((3, 5, 7), 3) > 1).astype(np.float32) if masked else None
    scores = 0.3 * x.astype(np.float64)
    scores = scores if bias is None else scores + bias
    scores = scores if mask is None else scores + np.tile(mask[:, None], (2, 1, 1, 1))
    weights = expected_softmax(scores)
    cell, fixed = BiasedSoftmax(0.3), Tensor(cotangent)
    extra = [None if array is None else Tensor(array) for array in (bias, mask)]
    np.testing.assert_allclose(cell(Tensor(x), *extra).asnumpy(), weights, atol=1e-6)

    def loss(x, bias):
        return (cell(x, bias, extra[1]) * fixed).sum()

    along = weights * cotangent
    slopes = along - weights * along.sum(-1, keepdims=True)
    dx = ms.grad(loss, 0)(Tensor(x), extra[0])
    np.testing.assert_allclose(dx.asnumpy(), 0.3 * slopes, atol=1e-6)
    if biased:
        d_bias = ms.grad(loss, 1)(Tensor(x), extra[0])
        np.testing.assert_allclose(d_bias.asnumpy(), slopes.sum(0), atol=3e-6)
