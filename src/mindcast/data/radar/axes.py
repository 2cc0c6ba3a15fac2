"""On which axis the frames are: stored shapes bear no names, so an unlikely one is asked about."""

from __future__ import annotations

from typing import Literal

Axes = Literal["thw", "hwt"]  # t: frames, h: rows, w: columns
Shape = tuple[int, ...]
MUCH_SHORTER = 4


def frames_first(shape: Shape, axes: Axes | None) -> Shape:
    """(frames, height, width) of a stored shape; without `axes` frames come first."""
    return (shape[2], shape[0], shape[1]) if axes == "hwt" else shape


def likely_frames_axis(shape: Shape, frame: tuple[int, int] | None = None) -> int:
    """Which of three axes is likely that of the frames: 0, unless the shape hints at another.

    Frames as they would be read are strange, and on the other axis they are none: there they are of
    the size `frame`, or square and more pixels a side than there are frames, or else the axis is
    less than a quarter of both others.
    """
    if frame in (shape[1:], None) and shape[1] == shape[2]:
        return 0
    for axis in (2, 1):
        count, rest = shape[axis], shape[:axis] + shape[axis + 1 :]
        if frame is not None and shape[1:] != tuple(frame) and rest == tuple(frame):
            return axis
        if count * MUCH_SHORTER <= min(rest):
            return axis
        if axis == 2 and rest[0] == rest[1] > count:
            return axis
    return 0
