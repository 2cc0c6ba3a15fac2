"""Areas of any size as a nowcast takes them: with a margin of nothing, which is cut off again."""

from __future__ import annotations

import numpy as np

from mindcast.models.base import Window


class Domain:
    """Frames of one `shape` (H, W) among those that the networks of a `window` can forecast.

    These are the window's own and larger ones whose sides are multiples of its cell. The margin
    lies evenly around, one row or column more behind; a window's own frame has none.
    """

    def __init__(self, shape: tuple[int, int], window: Window) -> None:
        self.margins = tuple(
            _margin(length, least, window.cell)
            for length, least in zip(shape, window.frame, strict=True)
        )
        self.shape = shape

    def padded(self, frames: np.ndarray) -> np.ndarray:
        """Frames (T, H, W, C) with the margin, 0."""
        return np.pad(frames, ((0, 0), *self.margins, (0, 0)))

    def widened(self, motion: np.ndarray) -> np.ndarray:
        """A motion field (H, W, 2), which goes on in the margin as at its edge."""
        return np.pad(motion, (*self.margins, (0, 0)), mode="edge")

    def cut(self, frames: np.ndarray) -> np.ndarray:
        """Frames (..., H', W') without it."""
        rows, columns = (
            slice(before, before + length)
            for (before, _), length in zip(self.margins, self.shape, strict=True)
        )
        return frames[..., rows, columns]


def _margin(length: int, least: int, cell: int) -> tuple[int, int]:
    wanted = max(least, -(-length // cell) * cell)
    before = (wanted - length) // 2
    return before, wanted - length - before
