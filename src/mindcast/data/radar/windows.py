"""A window of frames as a sample: the context is the input, the frames after it the truth."""

from __future__ import annotations

import numpy as np

from mindcast.data.base import Shapes, WindowLike
from mindcast.samples import TRUTH, NowcastInput, NowcastSample, Sample


def sample_of(frames: np.ndarray, window: WindowLike) -> NowcastSample:
    """(length, H, W, 1) cut after the context; a window that ends there has no truth."""
    context, after = frames[: window.context], frames[window.context :]
    return Sample(NowcastInput(context), after if len(after) else None)


def shapes_of(window: WindowLike, frame: tuple[int, int]) -> Shapes:
    """Of the arrays of such samples, by their names."""
    context = min(window.context, window.length)
    shapes: Shapes = {"context": (context, *frame, 1)}
    if window.length > context:
        shapes[TRUTH] = (window.length - context, *frame, 1)
    return shapes
