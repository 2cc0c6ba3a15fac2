import mindspore as ms
import numpy as np
import pytest
from mindspore import Tensor

from mindcast.layers.initialise import zeros
from mindcast.layers.large_kernel_attention import LargeKernelAttention, SpatialGate, depthwise


def impulse(channels, size):
    x = np.zeros((1, channels, size, size), np.float32)
    x[0, 0, size // 2, size // 2] = 1
    return Tensor(x)


def reach(field):
    """How far from the middle a field (H, W) is not zero."""
    rows, columns = np.nonzero(field)
    return max(np.abs(rows - len(field) // 2).max(), np.abs(columns - len(field) // 2).max())


@pytest.mark.parametrize(("kernel", "dilation", "expected"), [(5, 1, 2), (7, 3, 9), (3, 2, 2)])
def test_a_depthwise_convolution_reaches_as_far_as_its_kernel_and_stays_in_its_channel(
    kernel, dilation, expected
):
    conv = depthwise(2, kernel, dilation)
    conv.bias.set_data(zeros((2,)))
    y = conv(impulse(2, 31)).asnumpy()[0]
    assert reach(y[0]) == expected
    assert not y[1].any()


def test_a_gate_sees_eleven_pixels_far():
    ms.set_seed(0)
    gate = SpatialGate(8)
    gate.fc[2].weight.set_data(zeros(gate.fc[2].weight.shape))  # the channels' factors are 1/2
    u = np.ones((1, 8, 31, 31), np.float32)
    moved = u.copy()
    moved[0, 0, 15, 15] = 2
    change = gate(Tensor(moved)).asnumpy() - gate(Tensor(u)).asnumpy()
    # 5 x 5 reaches 2 pixels, 7 x 7 with dilation 3 reaches 9
    assert reach(np.abs(change[0]).max(axis=0)) == 11


@pytest.mark.parametrize(("channels", "hidden"), [(8, 2), (64, 16), (128, 16)])
def test_the_gate_s_bottleneck_has_a_quarter_of_the_channels_and_at_most_sixteen(channels, hidden):
    assert SpatialGate(channels).fc[0].weight.shape == (hidden, channels)


def test_without_its_last_convolution_the_attention_is_the_identity():
    attention = LargeKernelAttention(8)
    for parameter in attention.proj_2.get_parameters():
        parameter.set_data(zeros(parameter.shape))
    x = Tensor(np.random.default_rng(0).standard_normal((2, 8, 6, 5), np.float32))
    np.testing.assert_array_equal(attention(x).asnumpy(), x.asnumpy())
