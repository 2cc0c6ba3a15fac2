import numpy as np
from mindspore import Tensor

from mindcast.layers.pixel_shuffle import PixelShuffle


def test_channel_c_i_j_becomes_pixel_i_j_of_channel_c(kernels):
    x = np.random.default_rng(0).random((2, 3 * 4, 5, 2), np.float32)
    y = PixelShuffle(2)(Tensor(x)).asnumpy()
    assert y.shape == (2, 3, 10, 4)
    for c in range(3):
        for i in range(2):
            for j in range(2):
                np.testing.assert_array_equal(y[:, c, i::2, j::2], x[:, 4 * c + 2 * i + j])
