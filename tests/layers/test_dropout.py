import mindspore as ms
import numpy as np
import pytest
from mindspore import Tensor, nn

from mindcast.layers.dropout import Dropout, make_dropout

SHAPE = (64, 50, 32)
pytestmark = pytest.mark.usefixtures("kernels")


def given(seed=0):
    return np.random.default_rng(seed).standard_normal(SHAPE).astype(np.float32)


def layer(rate=0.25, seed=3):
    ms.set_seed(seed)
    cell = Dropout(rate)
    cell.set_train(True)
    return cell


def mask(cell, x):
    return cell(Tensor(x)).asnumpy() != 0


def test_a_rate_of_zero_is_no_operator():
    assert isinstance(make_dropout(0.0), nn.Identity)
    assert isinstance(make_dropout(0.1), Dropout)


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_the_share_of_zeroes_is_the_rate_and_the_rest_is_scaled_up(rate):
    x = given()
    y = layer(rate)(Tensor(x)).asnumpy()
    kept = y != 0
    # n = 102400 draws: the share's standard deviation is sqrt(p (1 - p) / n) <= 0.0016
    assert kept.mean() == pytest.approx(1 - rate, abs=0.007)
    np.testing.assert_allclose(y[kept], x[kept] / (1 - rate), rtol=1e-6)


def test_in_evaluation_nothing_is_dropped():
    cell = layer()
    cell.set_train(False)
    np.testing.assert_array_equal(cell(Tensor(given())).asnumpy(), given())


def test_the_mask_is_a_function_of_the_input():
    cell = layer()
    np.testing.assert_array_equal(mask(cell, given(1)), mask(cell, given(1)))
    # two independent masks of rate 1/4 agree in 5/8 of the entries
    assert (mask(cell, given(1)) == mask(cell, given(2))).mean() == pytest.approx(0.625, abs=0.01)


def test_two_layers_drop_different_entries():
    one, other = layer(seed=1), layer(seed=2)
    assert (mask(one, given()) == mask(other, given())).mean() == pytest.approx(0.625, abs=0.01)


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("lag", [1, 2, 8])
def test_neighbours_are_dropped_independently(axis, lag):
    kept = mask(layer(0.5), given()).astype(float) - 0.5
    ahead = np.roll(kept, lag, axis)
    assert abs((kept * ahead).mean() / 0.25) < 0.02  # standard deviation 1 / sqrt(n) = 0.003


def test_successive_inputs_of_a_slowly_moving_network_get_other_masks():
    cell, x = layer(), given()
    moved = x + 1e-3 * given(5)
    assert (mask(cell, x) == mask(cell, moved)).mean() == pytest.approx(0.625, abs=0.01)


def test_rows_that_sum_to_one_like_attention_weights_still_give_other_masks():
    cell = layer()
    one, other = (np.exp(given(s)) / np.exp(given(s)).sum(-1, keepdims=True) for s in (1, 2))
    assert (mask(cell, one) == mask(cell, other)).mean() == pytest.approx(0.625, abs=0.01)


def test_the_gradient_is_the_scaled_mask():
    cell, x = layer(), Tensor(given())
    gradient = ms.grad(lambda v: cell(v).sum())(x).asnumpy()
    np.testing.assert_allclose(gradient, mask(cell, given()) / 0.75, rtol=1e-6)


def test_graph_mode_and_pynative_drop_the_same_entries():
    cell = layer()

    @ms.jit
    def compiled(x):
        return cell(x)

    np.testing.assert_array_equal(compiled(Tensor(given())).asnumpy() != 0, mask(cell, given()))
