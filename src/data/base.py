"""The face that every data set shows: sequences of scaled frames with their times and names."""

from __future__ import annotations

from typing import Literal, Protocol

import numpy as np

Split = Literal["train", "val", "test"]
SPLITS: tuple[Split, ...] = ("train", "val", "test")


class WindowLike(Protocol):
    """How samples are cut out of events: `length` frames, a new piece every `stride` frames.

    `frame` is the (H, W) that the networks are built for.
    """

    @property
    def length(self) -> int: ...

    @property
    def stride(self) -> int: ...

    @property
    def frame(self) -> tuple[int, int]: ...


class Sequences(Protocol):
    """One split of a data set: sample i is a (T, H, W, 1) float32 array in the data's scale.

    keys: (len,) int64, the number that names sample i in every draw of random numbers.
    frame_shape: (H, W).
    interval_minutes: time between frames.
    value_scale: physical value = sample * value_scale.
    thresholds: physical values at which categorical scores are taken.
    source: where the samples come from, one line for the report.
    """

    keys: np.ndarray
    frame_shape: tuple[int, int]
    interval_minutes: int
    value_scale: float
    thresholds: tuple[float, ...]
    source: str

    def __len__(self) -> int: ...

    def __getitem__(self, i: int) -> np.ndarray: ...

    def times(self, i: int) -> np.ndarray:
        """Valid times of the T frames, datetime64[m], UTC."""
        ...

    def label(self, i: int) -> str:
        """Event and first frame, fit for a file name."""
        ...
