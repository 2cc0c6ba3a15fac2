import pytest

from mindcast.training.schedule import learning_rate


def test_warm_up_rises_linearly_from_its_start_to_the_base():
    # 10 of 100 steps: 0.1, 0.1 + 0.9 x 5 / 10, and the base at step 10
    rates = [learning_rate(step, 100, base=2.0) for step in (0, 5, 10)]
    assert rates == pytest.approx([0.2, 1.1, 2.0])


def test_cosine_is_half_way_down_in_the_middle():
    # step 55 is half of the 90 steps after the warm-up: (1 + floor) / 2
    assert learning_rate(55, 100, base=1.0, floor=0.2) == pytest.approx(0.6)


def test_floor_is_reached_at_the_end_and_kept():
    for step in (100, 150):
        assert learning_rate(step, 100, base=1.0, floor=0.01) == pytest.approx(0.01)


def test_no_warm_up_starts_at_the_base():
    assert learning_rate(0, 100, base=3.0, warmup_fraction=0) == 3.0


def test_a_run_of_one_step_uses_the_base():
    assert learning_rate(0, 1, base=3.0) == 3.0


def test_a_straight_line_ends_at_the_floor():
    # 10 of 100 steps warm up; step 55 is half of the other 90: half way from 1 to 0.2
    rates = [
        learning_rate(step, 100, base=1.0, floor=0.2, decay="linear") for step in (10, 55, 100, 120)
    ]
    assert rates == pytest.approx([1.0, 0.6, 0.2, 0.2])


def test_a_constant_rate_still_warms_up():
    rates = [learning_rate(step, 100, base=2.0, decay="constant") for step in (5, 10, 100)]
    assert rates == pytest.approx([1.1, 2.0, 2.0])
