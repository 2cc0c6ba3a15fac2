"""Windows of frames, and the frames of a sample put together again."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mindcast.samples import NowcastSample


@dataclass(frozen=True)
class Window:
    length: int
    stride: int
    frame: tuple[int, int]
    context: int = 2


def frames_of(sample: NowcastSample) -> np.ndarray:
    """Context and truth as the one sequence that they were, (T, H, W, 1)."""
    return np.concatenate(list(sample.named.values()))
