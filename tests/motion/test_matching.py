import numpy as np
import pytest

from mindcast.motion.matching import combined, matched

RNG = np.random.default_rng(0)
LEARNED = RNG.normal(0.3, 0.5, (2, 3, 8, 8, 1)).astype(np.float32)
MOVED = np.where(RNG.random((2, 3, 8, 8, 1)) < 0.5, 0, RNG.random((2, 3, 8, 8, 1))).astype(
    np.float32
)


def test_each_frame_keeps_its_order_and_gets_the_other_s_values():
    frame = np.array([[0.3, -1.0], [2.0, 0.1]], np.float32)
    values = np.array([[0.0, 0.9], [0.0, 0.4]], np.float32)
    # ranks of the frame 2, 0, 3, 1 in the sorted values 0, 0, 0.4, 0.9
    expected = [[0.4, 0.0], [0.9, 0.0]]
    np.testing.assert_array_equal(
        matched(frame[..., None], values[..., None])[..., 0], np.float32(expected)
    )


def test_frames_of_an_array_do_not_mix():
    made = matched(LEARNED, MOVED)
    for index in np.ndindex(LEARNED.shape[:2]):
        np.testing.assert_array_equal(made[index], matched(LEARNED[index], MOVED[index]))
        np.testing.assert_array_equal(np.sort(made[index].ravel()), np.sort(MOVED[index].ravel()))


@pytest.mark.parametrize("match", [True, False])
def test_without_a_learned_share_motion_is_left_as_it_is(match):
    np.testing.assert_array_equal(combined(LEARNED, MOVED, 0.0, match), MOVED)


@pytest.mark.parametrize("match", [True, False])
def test_a_network_that_learned_nothing_leaves_motion_as_it_is(match):
    np.testing.assert_array_equal(combined(MOVED, MOVED, 1.0, match), MOVED)


def test_half_the_share_is_half_the_change_within_the_range():
    made = combined(LEARNED, MOVED, 0.5, match=False)
    np.testing.assert_allclose(made, np.clip((LEARNED + MOVED) / 2, 0, 1), atol=1e-6)
    assert made.dtype == np.float32


def test_drizzle_of_the_network_does_not_wet_what_motion_leaves_dry():
    drizzle = MOVED + np.float32(0.01)
    assert ((combined(drizzle, MOVED, 1.0, match=True) > 0) == (MOVED > 0)).all()
