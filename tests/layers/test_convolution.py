import numpy as np
import pytest
from mindspore import Tensor

from mindcast.layers.convolution import Conv2d, Conv3d


def correlate(x, weight, bias, stride, padding):
    """Sum over the kernel's positions of shifted inputs, for any number of axes."""
    axes = x.ndim - 2
    x = np.pad(x, [(0, 0), (0, 0), *padding])
    size = [(x.shape[2 + a] - weight.shape[2 + a]) // stride[a] + 1 for a in range(axes)]
    y = np.zeros((x.shape[0], weight.shape[0], *size))
    for offset in np.ndindex(weight.shape[2:]):
        window = tuple(
            slice(o, o + s * (n - 1) + 1, s) for o, s, n in zip(offset, stride, size, strict=True)
        )
        shifted = x[(slice(None), slice(None), *window)]
        y += np.einsum("oi,ni...->no...", weight[(..., *offset)], shifted)
    return y + bias.reshape(-1, *[1] * axes)


@pytest.mark.parametrize(
    ("build", "shape", "stride", "padding"),
    [
        (lambda: Conv2d(3, 4, 3, padding=1), (2, 3, 5, 6), (1, 1), ((1, 1), (1, 1))),
        (
            lambda: Conv2d(3, 4, (2, 3), stride=(2, 1), padding=(0, 2)),
            (2, 3, 5, 6),
            (2, 1),
            ((0, 0), (2, 2)),
        ),
        (lambda: Conv3d(2, 3, 3, padding=1), (1, 2, 3, 4, 5), (1, 1, 1), 3 * [(1, 1)]),
        (
            lambda: Conv3d(2, 3, (1, 3, 3), (1, 2, 2), (0, 1, 1)),
            (1, 2, 3, 4, 5),
            (1, 2, 2),
            [(0, 0), (1, 1), (1, 1)],
        ),
        (lambda: Conv2d(2, 3, 3, 2, (0, 1, 2, 0)), (1, 2, 5, 6), (2, 2), ((0, 1), (2, 0))),
    ],
)
def test_convolution_equals_the_sum_over_kernel_positions(build, shape, stride, padding, kernels):
    cell = build()
    x = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    expected = correlate(x, cell.weight.asnumpy(), cell.bias.asnumpy(), stride, padding)
    np.testing.assert_allclose(cell(Tensor(x)).asnumpy(), expected, atol=2e-6)


def test_groups_of_channels_do_not_see_each_other(kernels):
    cell = Conv2d(4, 6, 3, padding=1, groups=2)
    x = np.random.default_rng(0).normal(size=(2, 4, 5, 6)).astype(np.float32)
    weight, bias = cell.weight.asnumpy(), cell.bias.asnumpy()
    padding = ((1, 1), (1, 1))
    expected = [
        correlate(
            x[:, 2 * g : 2 * g + 2],
            weight[3 * g : 3 * g + 3],
            bias[3 * g : 3 * g + 3],
            (1, 1),
            padding,
        )
        for g in range(2)
    ]
    got = cell(Tensor(x)).asnumpy()
    np.testing.assert_allclose(got, np.concatenate(expected, 1), atol=2e-6)
    assert np.abs(weight).max() <= 1 / np.sqrt(2 * 9)  # the fan in is that of one group


def test_weights_start_uniform_within_the_inverse_root_of_the_fan_in():
    # fan in 16 * 9 = 144, bound 1/12; a uniform variable on +-1/12 has deviation 1/12/sqrt(3).
    cell = Conv2d(16, 64, 3)
    for parameter, spread in ((cell.weight, 0.02), (cell.bias, 0.25)):
        values = parameter.asnumpy()
        assert np.abs(values).max() <= 1 / 12
        assert values.std() == pytest.approx(1 / 12 / np.sqrt(3), rel=spread)


def test_without_a_bias_there_is_only_the_weight():
    assert [p.name for p in Conv3d(1, 2, (1, 3, 3), bias=False).get_parameters()] == ["weight"]
    assert Conv3d(1, 2, (1, 3, 3), bias=False).weight.shape == (2, 1, 1, 3, 3)
