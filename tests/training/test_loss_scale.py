import json

import pytest

from mindcast.training.loss_scale import LARGEST, LossScale


def test_it_halves_at_an_overflow_and_doubles_after_enough_good_steps():
    scale = LossScale(8.0, growth_steps=3, active=True)
    values = []
    for overflowed in (False, False, True, False, False, False, False):
        scale.settle(overflowed)
        values.append((scale.value, scale.good))
    # two good ones do not count after the overflow; the third of the next doubles
    assert values == [(8, 1), (8, 2), (4, 0), (4, 1), (4, 2), (8, 0), (8, 1)]
    assert scale.skipped == 1


def test_it_grows_up_to_its_bound():
    scale = LossScale(LARGEST, growth_steps=1, active=True)
    scale.settle(False)
    assert scale.value == LARGEST


def test_it_is_exhausted_below_one():
    scale = LossScale(2.0, growth_steps=10, active=True)
    found = []
    for _ in range(2):
        scale.settle(True)
        found.append((scale.value, scale.exhausted))
    assert found == [(1.0, False), (0.5, True)]


def test_what_is_saved_as_json_goes_on_where_it_was():
    scale = LossScale(2.0**16, growth_steps=5, active=True)
    for overflowed in (True, False, False):
        scale.settle(overflowed)
    other = LossScale(4.0, growth_steps=5, active=True)
    other.restore(json.loads(json.dumps(scale.saved())))
    assert other == scale


@pytest.mark.parametrize(("before", "after", "value"), [(True, False, 1.0), (False, True, 2.0**16)])
def test_another_precision_keeps_the_count_of_skipped_steps_alone(before, after, value):
    scale = LossScale(512.0 if before else 1.0, 5, before, good=2, skipped=3)
    other = LossScale(2.0**16 if after else 1.0, 5, after)
    other.restore(scale.saved())
    assert (other.value, other.good, other.skipped) == (value, 0, 3)
