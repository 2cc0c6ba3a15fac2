import mindspore as ms
import numpy as np
import pytest
from mindspore import Tensor

from mindcast.layers import edge_padding
from mindcast.layers.edge_padding import with_edges

SHAPE = (2, 3, 4, 5)


@pytest.fixture(params=[True, False])
def exact_product(request, monkeypatch):
    monkeypatch.setattr(edge_padding, "exact_product", lambda: request.param)


@pytest.mark.parametrize("width", [0, 1, 2, 7])
def test_the_border_is_copied_exactly(width, exact_product):
    x = np.random.default_rng(0).normal(size=SHAPE).astype(np.float32)
    sides = ((0, 0), (0, 0), (width, width), (width, width))
    np.testing.assert_array_equal(with_edges(Tensor(x), width).asnumpy(), np.pad(x, sides, "edge"))


@pytest.mark.parametrize("width", [1, 2])
def test_gradient_of_a_cell_is_the_sum_over_its_copies(width, exact_product):
    numbers = np.arange(np.prod(SHAPE), dtype=np.float32).reshape(SHAPE)
    padded = with_edges(Tensor(numbers), width).asnumpy().astype(int)
    cotangent = np.random.default_rng(1).normal(size=padded.shape).astype(np.float32)
    gradient = ms.grad(lambda x: (with_edges(x, width) * Tensor(cotangent)).sum())(Tensor(numbers))
    expected = np.zeros(numbers.size)
    np.add.at(expected, padded.ravel(), cotangent.ravel())
    np.testing.assert_allclose(gradient.asnumpy().ravel(), expected, atol=1e-5)
