import pytest

from mindcast.data.radar.axes import frames_first, likely_frames_axis


@pytest.mark.parametrize(
    ("shape", "frame", "axis"),
    [
        ((25, 128, 128), (128, 128), 0),
        ((25, 128, 128), (32, 32), 0),
        ((15, 101, 101), (128, 128), 0),
        ((200, 64, 48), (128, 128), 0),
        ((49, 565, 784), None, 0),
        ((25, 25, 32), (32, 32), 0),
        ((48, 32, 48), (64, 64), 0),  # as many frames as columns
        ((128, 128, 25), (128, 128), 2),
        ((101, 101, 15), (128, 128), 2),
        ((565, 784, 25), (128, 128), 2),
        ((32, 32, 40), (32, 32), 2),  # more frames than rows, of the model's size
        ((128, 25, 128), (128, 128), 1),
        ((128, 128, 3), None, 2),  # colours
    ],
)
def test_a_shape_hints_at_the_axis_of_the_frames(shape, frame, axis):
    assert likely_frames_axis(shape, frame) == axis


def test_shapes_are_brought_into_one_order():
    assert frames_first((9, 8, 7), None) == (9, 8, 7)
    assert frames_first((9, 8, 7), "thw") == (9, 8, 7)
    assert frames_first((9, 8, 7), "hwt") == (7, 9, 8)
