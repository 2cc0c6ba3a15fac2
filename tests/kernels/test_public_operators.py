import mindspore as ms
import numpy as np
import pytest
from mindspore import Tensor

from mindcast.kernels.operators import in_use
from tests.kernels.cases import CASES, outcome

# a whole row or channel vector is not a number there, and the public operators lose that
SPREADING = [name for name in CASES if "softmax" in name or "unit rms" in name]


@pytest.fixture(params=CASES)
def case(request):
    return CASES[request.param]


def both(case, switch, arrays):
    """Results with and without kernels."""
    results = []
    for on in (True, False):
        switch(on)
        results.append(case.cell()(*map(Tensor, arrays)).asnumpy())
    return results


def test_the_switch_turns_kernels_on_and_off(switch):
    for on in (True, False):
        switch(on)
        assert in_use() == on


def test_values_and_gradients_are_those_of_the_public_operators(case, switch):
    switch(False)
    expected = outcome(case, case.inputs())
    switch(True)
    for compiled in (False, True):
        for got, want in zip(outcome(case, case.inputs(), compiled), expected, strict=True):
            assert got.shape == want.shape
            # sums of at most some hundred terms of order 1, in another order
            np.testing.assert_allclose(got, want, rtol=1e-5, atol=2e-6 * max(1, abs(want).max()))


@pytest.mark.parametrize("name", [name for name in CASES if "convolution" not in name])
def test_half_precision_goes_in_and_comes_out(name, switch):
    switch(True)
    case = CASES[name]
    cell = case.cell()
    arrays = [array.astype(np.float16) for array in case.inputs()]
    got = cell(*map(Tensor, arrays))
    assert got.dtype == ms.float16
    expected = cell(*(Tensor(array.astype(np.float32)) for array in arrays)).asnumpy()
    # 11 bits: numbers of order 1 are right to 5e-4, sums and products of some to a few times that
    np.testing.assert_allclose(got.asnumpy(), expected, rtol=1e-2, atol=1e-2)


def test_convolutions_in_half_precision_are_left_to_the_public_operators(switch):
    case = CASES["convolution"]
    arrays = [array.astype(np.float16) for array in case.inputs()]
    results = []
    for on in (True, False):
        switch(on)
        cell = case.cell()
        for parameter in cell.get_parameters():
            parameter.set_dtype(ms.float16)
        results.append(cell(*map(Tensor, arrays)))
    assert results[0].dtype == ms.float16
    np.testing.assert_array_equal(results[0].asnumpy(), results[1].asnumpy())


def test_not_a_number_spreads_as_far_as_with_the_public_operators(case, switch):
    arrays = case.inputs()
    middle = tuple(size // 2 for size in arrays[0].shape)
    arrays[0][middle] = np.nan
    got, expected = both(case, switch, arrays)
    assert np.isnan(got).any() or case is CASES["row gather"]
    assert not np.isnan(got[0]).any()  # the sample in the middle had it
    if case in map(CASES.get, SPREADING):
        assert (np.isnan(got) >= np.isnan(expected)).all()
    else:
        np.testing.assert_array_equal(np.isnan(got), np.isnan(expected))


@pytest.mark.parametrize("value", [np.inf, -np.inf, 1e15, -1e15, -200.0, 200.0])
def test_infinite_and_large_numbers_do_what_they_do_to_the_public_operators(case, switch, value):
    arrays = case.inputs()
    middle = tuple(size // 2 for size in arrays[0].shape)
    arrays[0][middle] = value
    got, expected = both(case, switch, arrays)
    scale = np.where(np.isfinite(expected), np.abs(expected), 0).max()
    if case in map(CASES.get, SPREADING):  # infinity over infinity
        expected = np.where(np.isnan(got) & ~np.isfinite(value), np.nan, expected)
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=2e-6 * max(1, scale))
