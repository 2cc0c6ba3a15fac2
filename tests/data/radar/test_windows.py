import numpy as np
import pytest

from mindcast.data.radar.windows import sample_of, shapes_of
from tests.data.radar.windows import Window

FRAMES = np.arange(5, dtype=np.float32).reshape(5, 1, 1, 1) * np.ones((5, 2, 3, 1), np.float32)


def test_the_context_is_the_input_and_what_follows_the_truth():
    window = Window(5, 1, (2, 3), context=2)
    sample = sample_of(FRAMES, window)
    np.testing.assert_array_equal(sample.input.context[:, 0, 0, 0], [0, 1])
    np.testing.assert_array_equal(sample.truth[:, 0, 0, 0], [2, 3, 4])
    assert shapes_of(window, (2, 3)) == {"context": (2, 2, 3, 1), "truth": (3, 2, 3, 1)}


@pytest.mark.parametrize("context", [5, 6])
def test_a_window_without_frames_after_the_context_has_no_truth(context):
    window = Window(5, 1, (2, 3), context)
    sample = sample_of(FRAMES, window)
    np.testing.assert_array_equal(sample.input.context, FRAMES)
    assert sample.truth is None
    assert shapes_of(window, (2, 3)) == {"context": (5, 2, 3, 1)}
