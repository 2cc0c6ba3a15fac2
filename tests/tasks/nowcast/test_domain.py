import numpy as np
import pytest

from mindcast.models.base import Window
from mindcast.tasks.nowcast.domain import Domain

WINDOW = Window(length=5, stride=1, frame=(8, 12), context=2, cell=4)


@pytest.mark.parametrize(
    ("shape", "padded"),
    [
        ((8, 12), (8, 12)),  # the window's own frame
        ((5, 12), (8, 12)),
        ((3, 2), (8, 12)),
        ((9, 13), (12, 16)),  # multiples of 4
        ((7, 24), (8, 24)),
    ],
)
def test_frames_get_a_margin_of_nothing_that_is_cut_off_again(shape, padded):
    frames = np.random.default_rng(0).random((2, *shape, 1)) + 1
    domain = Domain(shape, WINDOW)
    wide = domain.padded(frames)
    assert wide.shape == (2, *padded, 1)
    np.testing.assert_array_equal(domain.cut(wide[..., 0]), frames[..., 0])
    assert np.count_nonzero(wide) == frames.size


def test_the_margin_lies_around():
    # 5 of 8 rows: 1 before and 2 behind
    wide = Domain((5, 12), WINDOW).padded(np.ones((1, 5, 12, 1)))
    assert wide[0, :, 0, 0].tolist() == [0, 1, 1, 1, 1, 1, 0, 0]


def test_motion_goes_on_in_the_margin():
    motion = np.random.default_rng(0).random((5, 12, 2))
    wide = Domain((5, 12), WINDOW).widened(motion)
    assert wide.shape == (8, 12, 2)
    np.testing.assert_array_equal(wide[0], motion[0])
    np.testing.assert_array_equal(wide[-1], motion[-1])
