import numpy as np
import pytest
from mindspore import Tensor

from mindcast.models.diffcast.network import to_fields, to_network


def fields(channels=1):
    return np.random.default_rng(0).random((2, 3, 4, 6, channels), np.float32)


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("patch", [1, 2])
def test_the_networks_layout_and_back_is_the_same(patch, channels):
    x = fields(channels)
    there = to_network(x, patch)
    assert there.shape == (2, 3, channels * patch**2, 4 // patch, 6 // patch)
    np.testing.assert_array_equal(to_fields(there, patch), x)


@pytest.mark.parametrize("patch", [1, 2])
def test_tensors_and_arrays_are_laid_out_alike(patch):
    x = fields(2)
    np.testing.assert_array_equal(to_network(Tensor(x), patch).asnumpy(), to_network(x, patch))


def test_a_patch_s_pixels_lie_at_the_same_place_of_its_channels():
    x = fields()
    there = to_network(x, 2)
    for channel, (row, column) in enumerate(((0, 0), (0, 1), (1, 0), (1, 1))):
        np.testing.assert_array_equal(there[:, :, channel], x[:, :, row::2, column::2, 0])
