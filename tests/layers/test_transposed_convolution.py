import numpy as np
import pytest
from mindspore import Tensor

from mindcast.layers.convolution import Conv2d
from mindcast.layers.transposed_convolution import Conv2dTranspose


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


@pytest.mark.parametrize(
    ("kernel", "stride", "padding", "extra"), [(3, 1, 1, 0), (3, 2, 1, 1), (4, 2, 1, 0)]
)
def test_it_is_the_adjoint_of_the_convolution(kernel, stride, padding, extra):
    up = Conv2dTranspose(3, 2, kernel, stride, padding, extra)
    up.bias.set_data(Tensor(np.zeros(2, np.float32)))
    down = Conv2d(2, 3, kernel, stride, padding, bias=False)
    down.weight.set_data(up.weight)
    y = normal(2, 3, 4, 5)
    raised = up(Tensor(y)).asnumpy()
    assert raised.shape == (2, 2, 4 * stride, 5 * stride)
    x = normal(*raised.shape, seed=1)
    lowered = down(Tensor(x)).asnumpy()
    np.testing.assert_allclose((raised * x).sum(), (lowered * y).sum(), rtol=1e-4)


def test_extra_rows_hold_values_and_not_zeros():
    up = Conv2dTranspose(1, 1, 3, 2, 1, extra=1)
    up.weight.set_data(Tensor(np.ones((1, 1, 3, 3), np.float32)))
    up.bias.set_data(Tensor(np.zeros(1, np.float32)))
    raised = up(Tensor(np.ones((1, 1, 2, 2), np.float32))).asnumpy()[0, 0]
    # along an axis: the pixels at 0 and 2 reach one step to either side, so 3 is reached once
    line = np.array([1, 2, 1, 1])
    np.testing.assert_array_equal(raised, np.outer(line, line))


def test_weights_start_within_the_bound_of_the_output_s_fan():
    weight = np.abs(Conv2dTranspose(40, 10, 4, 2, 1).weight.asnumpy())
    assert 0.95 / np.sqrt(160) < weight.max() <= 1 / np.sqrt(160)


def test_more_extra_rows_than_padding_are_refused():
    with pytest.raises(ValueError, match="extra=1, expected at most padding=0"):
        Conv2dTranspose(1, 1, 2, 2, 0, extra=1)
