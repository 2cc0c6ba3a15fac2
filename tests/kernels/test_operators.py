"""What MindSpore does with operators of one's own that the kernels have to mind."""

import mindspore as ms
import numpy as np
import pytest
from mindspore import Tensor, nn

from mindcast.layers.convolution import Conv2d, Conv3d
from mindcast.layers.device import differentiable_twice
from mindcast.layers.fused_convolution import FusedConvolution
from mindcast.layers.norm import GroupNorm
from mindcast.layers.permute import make_permute
from mindcast.layers.set_attention import SetAttention

X = np.random.default_rng(0).normal(size=(2, 6, 6, 6)).astype(np.float32)


@pytest.fixture(autouse=True)
def with_kernels(switch):
    switch(True)


class Energy(nn.Cell):
    """The sum of what a cell gives."""

    def __init__(self, cell):
        super().__init__()
        self.cell = cell

    def construct(self, x, weight):
        return self.cell(x, weight).sum()


def gradient_shape(cell, x, *weights):
    """Shape of the result, and of the gradient of its sum."""
    given = [Tensor(array) for array in (x, *weights)]
    y, dx = ms.value_and_grad(lambda *inputs: cell(*inputs).sum(), 0)(*given)
    assert y.shape == ()
    return dx.shape


@pytest.mark.parametrize("compiled", [False, True])
def test_convolutions_of_other_padding_and_steps_have_shapes_of_their_own(compiled):
    # equal inputs and weights: 6 + 2 p - s (3 - 1) pixels along an axis
    weight = Tensor(np.ones((6, 6, 3, 3), np.float32))
    sizes = {}
    for pad, step in ((0, 1), (1, 1), (2, 1), (1, 2), (0, 2), (2, 2)):
        cell = FusedConvolution((0, pad, pad), (1, step, step))
        run = ms.jit(cell.construct) if compiled else cell
        sizes[pad, step] = run(Tensor(X), weight).shape[2:]
        assert gradient_shape(cell, X, weight.asnumpy()) == X.shape
    assert sizes == {(p, s): (6 + 2 * p - 2 * s,) * 2 for p, s in sizes}


@pytest.mark.parametrize("compiled", [False, True])
def test_convolutions_of_other_groups_have_shapes_of_their_own(compiled):
    # the input's gradient has groups x weight.shape[1] channels: from equal dy and weight
    weight = np.ones((6, 2, 3, 3), np.float32)
    for groups in (1, 2, 3):
        cell = FusedConvolution((0, 1, 1), groups=groups)
        x = X[:, : 2 * groups]
        step = ms.grad(Energy(cell))
        dx = (ms.jit(step) if compiled else step)(Tensor(x), Tensor(weight))
        assert dx.shape == x.shape


@pytest.mark.parametrize("compiled", [False, True])
def test_group_norms_of_other_groups_have_statistics_of_their_own(compiled):
    expected = []
    for groups in (1, 2, 3, 6):
        cell = GroupNorm(groups, 6)
        run = ms.jit(cell.construct) if compiled else cell
        blocks = run(Tensor(X)).asnumpy().reshape(2, groups, -1)
        np.testing.assert_allclose(blocks.mean(2), 0, atol=1e-5)
        np.testing.assert_allclose(blocks.var(2), 1, atol=1e-3)
        x = Tensor(X)
        expected.append(ms.grad(lambda x, cell=cell: (cell(x) * x).sum())(x).asnumpy())
    assert not np.allclose(expected[0], expected[1])


@pytest.mark.parametrize("compiled", [False, True])
def test_permutations_of_one_shape_have_shapes_of_their_own(compiled):
    x = np.arange(2 * 3 * 4 * 5, dtype=np.float32).reshape(2, 3, 4, 5)
    for order in ((0, 2, 1, 3), (3, 0, 1, 2), (0, 1, 3, 2), (1, 0, 3, 2), (0, 1, 2, 3)):
        cell = make_permute(*order)
        run = ms.jit(cell.construct) if compiled else cell
        np.testing.assert_array_equal(run(Tensor(x)).asnumpy(), x.transpose(order))
        assert gradient_shape(cell, x) == x.shape


def test_attentions_of_other_sets_over_the_same_rows_keep_their_own():
    x = np.random.default_rng(1).normal(size=(1, 12, 3 * 4)).astype(np.float32)
    for volume in (2, 3, 4, 6):
        members = Tensor(np.arange(12, dtype=np.int32).reshape(-1, volume))
        bias = Tensor(np.zeros((2, volume, volume), np.float32))
        cell = SetAttention(2, 1.0)
        d_bias = ms.grad(lambda x, b, c=cell, m=members: (c(x, m, b) ** 2).sum(), 1)(
            Tensor(x), bias
        )
        assert d_bias.shape == bias.shape


@pytest.mark.parametrize("build", [lambda: Conv2d(2, 3, 3), lambda: Conv3d(2, 3, 3)])
def test_weights_of_a_convolution_are_kept_once(build):
    # MindSpore's layers keep what they are given to start from, as an attribute
    layer = build()
    assert layer.weight_init == "zeros"
    assert layer.bias_init == "zeros"
    kept = [name for name, value in vars(layer).items() if isinstance(value, Tensor)]
    assert not kept


@pytest.mark.slow
def test_a_gradient_within_a_gradient_compiles_with_layers_that_are_made_for_it():
    with differentiable_twice():
        inner = Conv2d(1, 2, 3, padding=1)
    outer = Conv2d(1, 1, 3, padding=1)
    inner.update_parameters_name("inner.")
    assert inner.fused is None
    assert outer.fused is not None

    def energy(x):
        y = inner(x)
        return (y * y).sum()

    def loss(x):
        slope = ms.grad(energy)(x)
        return (outer(x) * slope).sum()

    x = Tensor(X[:, :1])
    np.testing.assert_allclose(
        ms.jit(ms.grad(loss))(x).asnumpy(), ms.grad(loss)(x).asnumpy(), rtol=1e-4, atol=1e-4
    )
