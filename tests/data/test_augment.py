import numpy as np
import pytest

from mindcast.data.augment import augment, check_augmentation
from mindcast.refusal import Refusal


def sequence(frames=2, height=6, width=6):
    rng = np.random.default_rng(0)
    return rng.random((frames, height, width, 1), np.float32) + 1


def draws(mode, count, given=None):
    given = sequence() if given is None else given
    return [augment(given, mode, np.random.default_rng(i)) for i in range(count)]


def test_mode_0_changes_nothing():
    given = sequence(height=5)
    assert augment(given, 0, np.random.default_rng(0)) is given


def test_mode_2_gives_the_eight_symmetries_of_a_square_and_no_other():
    given = sequence(frames=1)
    square = given[0, :, :, 0]
    symmetries = {np.rot90(s, k).tobytes() for s in (square, square.T) for k in range(4)}
    seen = {drawn.tobytes() for drawn in draws(2, 100, given)}
    assert seen == symmetries


def test_mode_1_turns_by_any_angle_and_fills_with_zero():
    given = sequence(height=20, width=20)
    given += 1 - given.min()
    turned = augment(given, 1, np.random.default_rng(1))
    assert turned.shape == given.shape
    assert turned.dtype == np.float32
    assert (turned == 0).any()
    kept = turned[turned != 0]
    assert np.isin(kept, given).all()  # nearest pixel: no new values
    assert len(np.unique([drawn.sum() for drawn in draws(1, 20, given)])) == 20


def test_mode_1_keeps_frames_that_are_not_square():
    assert augment(sequence(height=5), 1, np.random.default_rng(0)).shape == (2, 5, 6, 1)


@pytest.mark.parametrize("mode", [1, 2])
def test_all_frames_of_a_sequence_are_turned_alike(mode):
    still = np.repeat(sequence(frames=1), 3, axis=0)
    for drawn in draws(mode, 10, still):
        np.testing.assert_array_equal(drawn[1], drawn[0])
        np.testing.assert_array_equal(drawn[2], drawn[0])


@pytest.mark.parametrize("mode", [1, 2])
def test_the_same_generator_gives_the_same_draw(mode):
    for first, second in zip(draws(mode, 5), draws(mode, 5), strict=True):
        np.testing.assert_array_equal(first, second)


def test_quarter_turns_of_frames_that_are_not_square_are_refused():
    with pytest.raises(Refusal, match=r"data\.frame_size = 5 x 6: quarter turns need square"):
        augment(sequence(height=5), 2, np.random.default_rng(0))


def test_an_unknown_mode_is_refused():
    with pytest.raises(Refusal, match=r"augmentation = 3, expected 0 \(none\), 1"):
        check_augmentation(3, (6, 6))
