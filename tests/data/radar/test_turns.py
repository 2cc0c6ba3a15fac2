import numpy as np
import pytest

from mindcast.data.radar.turns import any_angle, quarter_turns
from mindcast.samples import NowcastInput, Sample
from tests.data.radar.windows import frames_of


def drawn_sample(context=1, truth=1, height=6, width=6):
    rng = np.random.default_rng(0)
    frames = rng.random((context + truth, height, width, 1), np.float32) + 1
    return Sample(NowcastInput(frames[:context]), frames[context:])


def draws(turn, count, given=None):
    given = drawn_sample() if given is None else given
    return [turn(given, np.random.default_rng(i)) for i in range(count)]


def test_quarter_turns_give_the_eight_symmetries_of_a_square_and_no_other():
    given = drawn_sample()
    square = given.truth[0, :, :, 0]
    symmetries = {np.rot90(s, k).tobytes() for s in (square, square.T) for k in range(4)}
    seen = {drawn.truth.tobytes() for drawn in draws(quarter_turns, 100, given)}
    assert seen == symmetries


def test_any_angle_turns_by_any_angle_and_fills_with_zero():
    given = drawn_sample(height=20, width=20)
    turned = any_angle(given, np.random.default_rng(1))
    assert turned.truth.shape == given.truth.shape
    assert turned.truth.dtype == np.float32
    assert (turned.truth == 0).any()
    kept = turned.truth[turned.truth != 0]
    assert np.isin(kept, given.truth).all()  # nearest pixel: no new values
    assert len({drawn.truth.tobytes() for drawn in draws(any_angle, 20, given)}) == 20


def test_any_angle_keeps_frames_that_are_not_square():
    turned = any_angle(drawn_sample(height=5), np.random.default_rng(0))
    assert turned.input.context.shape == turned.truth.shape == (1, 5, 6, 1)


@pytest.mark.parametrize("turn", [any_angle, quarter_turns])
def test_all_frames_of_context_and_truth_are_turned_alike(turn):
    frame = drawn_sample().truth
    still = Sample(NowcastInput(np.repeat(frame, 2, axis=0)), np.repeat(frame, 3, axis=0))
    for drawn in draws(turn, 10, still):
        frames = frames_of(drawn)
        np.testing.assert_array_equal(frames, np.repeat(frames[:1], 5, axis=0))


@pytest.mark.parametrize("turn", [any_angle, quarter_turns])
def test_a_sample_turns_as_its_frames_would_without_a_cut(turn):
    cut = drawn_sample(context=2, truth=3)
    whole = Sample(NowcastInput(frames_of(cut)))
    for one, other in zip(draws(turn, 10, cut), draws(turn, 10, whole), strict=True):
        np.testing.assert_array_equal(frames_of(one), other.input.context)
        assert other.truth is None


@pytest.mark.parametrize("turn", [any_angle, quarter_turns])
def test_the_same_generator_gives_the_same_draw_and_the_sample_stays_as_it_is(turn):
    given = drawn_sample()
    before = frames_of(given)
    for first, second in zip(draws(turn, 5, given), draws(turn, 5, given), strict=True):
        np.testing.assert_array_equal(frames_of(first), frames_of(second))
    np.testing.assert_array_equal(frames_of(given), before)
