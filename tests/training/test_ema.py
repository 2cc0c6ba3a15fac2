import mindspore as ms
import numpy as np
import pytest
from mindspore import Parameter, Tensor, ops

from mindcast.training.ema import WeightAverage, effective_decay


def parameter(values):
    return Parameter(Tensor(np.float32(values)), name="weight")


def test_decay_grows_from_2_over_11_to_its_limit():
    assert effective_decay(0.9999, 1) == pytest.approx(2 / 11)
    assert effective_decay(0.9999, 8) == pytest.approx(0.5)
    assert effective_decay(0.9, 1000) == 0.9


@pytest.mark.parametrize("decay", [0.99, 0.999, 0.9999])
@pytest.mark.parametrize("steps", [50, 300, 800])
def test_a_short_training_averages_about_its_last_tenth(decay, steps):
    left, age, recent = 1.0, 0.0, 0.0
    for update in range(steps, 0, -1):
        share = left * (1 - effective_decay(decay, update))
        age += share * (steps - update)
        recent += share if update > steps / 2 else 0
        left -= share
    # below its limit the decay gives update j of k a weight that grows as j^8, whose mean age is
    # (k + 1)/10 and whose first half holds 2^-9; the start keeps 10! / ((k + 2) ... (k + 10)),
    # 7e-10 for k = 50
    assert left < 1e-9
    assert age <= 0.1 * (steps + 1) + 1e-9
    assert 1 - recent < 0.005


@pytest.mark.parametrize("compiled", [False, True])
def test_an_update_moves_the_shadow_towards_the_weights(compiled):
    weight = parameter([0.0, 8.0])
    average = WeightAverage([weight])

    def update(decay):
        return average(decay)

    ops.assign(weight, Tensor(np.float32([4.0, 0.0])))
    (ms.jit(update) if compiled else update)(Tensor(np.float32(0.75)))
    # a quarter of the way: 0 + 4/4, 8 - 8/4
    assert average.shadows[0].asnumpy().tolist() == [1.0, 6.0]
    assert weight.asnumpy().tolist() == [4.0, 0.0]


def test_shadows_are_named_and_not_trainable():
    (shadow,) = WeightAverage([parameter([1.0])]).shadows
    assert shadow.name == "ema.weight"
    assert not shadow.requires_grad


def test_in_place_lends_the_averages_and_gives_the_weights_back_even_after_an_error():
    weight = parameter([1.0])
    average = WeightAverage([weight])
    ops.assign(weight, Tensor(np.float32([5.0])))
    seen = []

    def evaluate():
        with average.in_place():
            seen.append(weight.asnumpy().tolist())
            raise KeyError

    with pytest.raises(KeyError):
        evaluate()
    assert seen == [[1.0]]
    assert weight.asnumpy().tolist() == [5.0]
    assert average.shadows[0].asnumpy().tolist() == [1.0]
