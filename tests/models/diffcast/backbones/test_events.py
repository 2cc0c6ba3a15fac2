import math

import mindspore as ms
import numpy as np
import pytest
from mindspore import Tensor

from mindcast.models.diffcast.backbones.events import EventError
from mindcast.models.diffcast.backbones.settings import EventSettings

CRISP = {"levels": (0.5,), "softness": 1e-3, "bias_weight": 0.1, "pool": 1}


def error(forecast, target, **changes):
    cell = EventError(EventSettings(**{**CRISP, **changes}))
    return float(cell(Tensor(forecast), Tensor(target)))


def events(*places, frame=(8, 8), frames=1):
    """One sample (1, frames, 1, H, W) with 1 at places (row, column) of the first frame."""
    made = np.zeros((1, frames, 1, *frame), np.float32)
    for row, column in places:
        made[0, 0, 0, row, column] = 1
    return made


def expected(hits, forecast, observed, bias_weight=0.1):
    """One event more on each side: 1 - hits / (F + O - hits), and the bias."""
    f, o = forecast + 1, observed + 1
    return 1 - hits / (f + o - hits) + bias_weight * math.log(f / o) ** 2


@pytest.mark.parametrize("bias_weight", [0.0, 0.1, 2.0])
def test_a_small_case_is_counted_as_by_hand(bias_weight):
    # forecast 3 events, observed 2, both have one place alone in common
    forecast, target = events((0, 0), (0, 1), (5, 5)), events((0, 0), (7, 7))
    got = error(forecast, target, bias_weight=bias_weight)
    # 1 - 1 / (4 + 3 - 1) + w log(4 / 3)^2
    assert got == pytest.approx(5 / 6 + bias_weight * math.log(4 / 3) ** 2, rel=1e-5)
    assert got == pytest.approx(expected(1, 3, 2, bias_weight), rel=1e-5)


def test_events_are_counted_over_the_whole_batch():
    one, other = events((0, 0), frames=2), events((1, 1), (2, 2), frames=2)
    forecast, target = np.concatenate([one, other]), np.concatenate([one, one])
    # 3 forecast, 2 observed, 1 hit
    assert error(forecast, target) == pytest.approx(expected(1, 3, 2), rel=1e-5)


def test_equal_fields_have_no_bias_and_an_index_that_nears_1_with_their_events():
    rain = np.ones((2, 3, 1, 16, 16), np.float32)
    # n = 1536 events: 1 - n / (n + 2)
    assert error(rain, rain, bias_weight=1e6) == pytest.approx(2 / 1538, rel=1e-3)


def test_dry_fields_are_charged_a_finite_constant():
    dry = np.zeros((1, 1, 1, 8, 8), np.float32)
    assert error(dry, dry) == pytest.approx(1)


def test_a_value_at_a_level_is_half_an_event_and_one_softness_above_it_0_73():
    level = np.full((1, 1, 1, 1, 1), 0.5, np.float32)
    rain = np.ones_like(level)
    for value, share in ((0.5, 0.5), (0.6, 1 / (1 + math.exp(-1)))):
        got = error(np.full_like(level, value), rain, softness=0.1, bias_weight=0)
        observed = 1 / (1 + math.exp(-5))
        hits = share * observed
        assert got == pytest.approx(1 - hits / (share + observed + 2 - hits), rel=1e-5)


def test_every_level_counts_alike():
    forecast, target = 0.7 * events((0, 0), (0, 1)), 0.4 * events((0, 0))
    each = [error(forecast, target, levels=(level,)) for level in (0.3, 0.5)]
    assert each[0] == pytest.approx(expected(1, 2, 1), rel=1e-5)
    assert each[1] == pytest.approx(expected(0, 2, 0), rel=1e-5)
    assert error(forecast, target, levels=(0.3, 0.5)) == pytest.approx(np.mean(each), rel=1e-5)


def test_blocks_forgive_a_place_that_is_missed_within_them():
    target, near, far = events((0, 0)), events((3, 3)), events((4, 4))
    alone = expected(0, 1, 1)
    # 4 blocks of 4 x 4, of which one has an event on each side
    assert error(near, target, pool=4) == pytest.approx(alone + expected(1, 1, 1), rel=1e-5)
    assert error(far, target, pool=4) == pytest.approx(2 * alone, rel=1e-5)


def test_a_block_holds_all_channels_of_its_cells():
    forecast, target = (np.zeros((1, 1, 4, 4, 4), np.float32) for _ in range(2))
    forecast[0, 0, 0, 0, 0] = target[0, 0, 3, 1, 1] = 1
    got = error(forecast, target, pool=2)
    assert got == pytest.approx(expected(0, 1, 1) + expected(1, 1, 1), rel=1e-5)


def test_the_gradient_raises_what_is_missed_and_lowers_what_is_false():
    cell = EventError(EventSettings(**{**CRISP, "softness": 0.1, "pool": 2, "bias_weight": 0}))
    target = events((0, 0), (0, 1), (1, 0))
    forecast = 0.5 * events((0, 0), (6, 6))
    gradient = ms.grad(cell, 0)(Tensor(forecast), Tensor(target)).asnumpy()[0, 0, 0]
    assert gradient[0, 0] < 0
    assert gradient[6, 6] > 0
    # central difference in one place: error of order step^2
    step, place = 1e-2, events((0, 0))
    ahead, behind = (cell(Tensor(forecast + s * step * place), Tensor(target)) for s in (1, -1))
    slope = (float(ahead) - float(behind)) / (2 * step)
    assert gradient[0, 0] == pytest.approx(slope, rel=2e-2)
