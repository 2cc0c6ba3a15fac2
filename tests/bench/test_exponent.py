import math

import pytest

from tests.bench.exponent import fitted


def test_the_exponent_of_a_power_is_its_power_whatever_its_factor():
    sizes = [1, 2, 5]
    assert fitted(sizes, [7 * size**1.5 for size in sizes]) == pytest.approx(1.5)


def test_the_exponent_of_scattered_costs_is_the_slope_of_least_squares():
    # log2: sizes 0, 1, 2, costs 0, 2, 1; slope = sum (x - 1)(y - 1) / sum (x - 1)^2 = (1 + 0) / 2
    assert fitted([1, 2, 4], [1, 4, 2]) == pytest.approx(0.5)


def test_one_size_has_no_exponent():
    assert math.isnan(fitted([3, 3], [1, 2]))
