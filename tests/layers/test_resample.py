import mindspore as ms
import numpy as np
import pytest
from mindspore import Tensor

from mindcast.layers import resample
from mindcast.layers.resample import SpaceToDepth, nearest_resize

SIZES = [(4, 6), (9, 3), (5, 2), (2, 4), (3, 2), (1, 1), (7, 9)]


def expected_resize(x, height, width):
    rows = [i * x.shape[2] // height for i in range(height)]
    columns = [j * x.shape[3] // width for j in range(width)]
    return x[:, :, rows][:, :, :, columns]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("exact_product", [True, False])
def test_resize_shows_the_nearest_source_pixel_exactly(size, exact_product, monkeypatch):
    monkeypatch.setattr(resample, "exact_product", lambda: exact_product)
    x = np.random.default_rng(0).normal(size=(2, 3, 3, 2)).astype(np.float32)
    np.testing.assert_array_equal(nearest_resize(Tensor(x), *size), expected_resize(x, *size))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("exact_product", [True, False])
def test_gradient_of_a_pixel_is_the_sum_over_its_copies(size, exact_product, monkeypatch):
    monkeypatch.setattr(resample, "exact_product", lambda: exact_product)
    rng = np.random.default_rng(1)
    x = np.arange(2 * 3 * 3 * 2, dtype=np.float32).reshape(2, 3, 3, 2)
    cotangent = rng.normal(size=(2, 3, *size)).astype(np.float32)
    fixed = Tensor(cotangent)
    gradient = ms.grad(lambda x: (nearest_resize(x, *size) * fixed).sum())(Tensor(x))
    # The resized image of pixel numbers says where each cotangent belongs.
    expected = np.zeros(x.size)
    np.add.at(expected, expected_resize(x, *size).astype(int).ravel(), cotangent.ravel())
    np.testing.assert_allclose(gradient.asnumpy().ravel(), expected, atol=1e-6)


def test_compiled_resize_equals_the_eager_one():
    x = Tensor(np.random.default_rng(2).normal(size=(1, 2, 3, 5)).astype(np.float32))

    @ms.jit
    def resize(x):
        return nearest_resize(x, 6, 10), nearest_resize(x, 4, 3)

    for got, size in zip(resize(x), ((6, 10), (4, 3)), strict=True):
        np.testing.assert_array_equal(got.asnumpy(), nearest_resize(x, *size).asnumpy())


def test_blocks_of_pixels_become_channels_row_by_row(kernels):
    x = np.arange(2 * 4 * 4, dtype=np.float32).reshape(1, 2, 4, 4)
    y = SpaceToDepth(2)(Tensor(x)).asnumpy()
    assert y.shape == (1, 8, 2, 2)
    # channel 0 holds 0 1 2 3 / 4 5 6 7 / ...: its first block is 0 1 / 4 5
    assert y[0, :4, 0, 0].tolist() == [0, 1, 4, 5]
    assert y[0, 4:, 1, 1].tolist() == [26, 27, 30, 31]
