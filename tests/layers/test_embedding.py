import numpy as np
import pytest
from mindspore import Tensor

from mindcast.layers.embedding import SinesThenCosines


def embedded(numbers, width=8):
    return SinesThenCosines(width)(Tensor(np.int32(numbers))).asnumpy()


def test_number_zero_is_sines_of_zero_then_cosines_of_zero():
    np.testing.assert_array_equal(embedded([0]), [[0, 0, 0, 0, 1, 1, 1, 1]])


def test_frequencies_fall_from_one_to_a_ten_thousandth():
    # exp(-k ln(10000) / 3), k = 0..3: 1, 10^(-4/3), 10^(-8/3), 10^-4
    frequencies = 10.0 ** (-4 * np.arange(4) / 3)
    expected = [*np.sin(7 * frequencies), *np.cos(7 * frequencies)]
    np.testing.assert_allclose(embedded([7])[0], expected, rtol=1e-5)


@pytest.mark.parametrize("width", [4, 16, 64])
def test_neighbouring_numbers_up_to_a_thousand_stay_apart(width):
    rows = embedded(np.arange(1000), width)
    assert np.abs(np.diff(rows, axis=0)).max(axis=1).min() > 1e-2
