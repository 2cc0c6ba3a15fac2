"""The face that every data set shows: samples with their names, and what a task adds to it."""

from __future__ import annotations

from typing import Literal, Protocol

import numpy as np

from src.refusal import Refusal

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


class Samples(Protocol):
    """One split of a data set, whatever the task: sample i is one array or a tuple of arrays.

    keys: (len,) int64, the number that names sample i in every draw of random numbers.
    shapes: of the arrays of a sample, the same for all samples of the split.
    source: where the samples come from, one line for the report.
    """

    keys: np.ndarray
    source: str

    @property
    def shapes(self) -> tuple[tuple[int, ...], ...]: ...

    def __len__(self) -> int: ...

    def __getitem__(self, i: int) -> np.ndarray | tuple[np.ndarray, ...]: ...

    def label(self, i: int) -> str:
        """A name of sample i, fit for a file name."""
        ...


class Sequences(Samples, Protocol):
    """Samples of the task "nowcast": (T, H, W, 1) float32 arrays in the data's scale.

    frame_shape: (H, W).
    interval_minutes: time between frames.
    value_scale: physical value = sample * value_scale.
    thresholds: physical values at which categorical scores are taken.
    """

    frame_shape: tuple[int, int]
    interval_minutes: int
    value_scale: float
    thresholds: tuple[float, ...]

    def __getitem__(self, i: int) -> np.ndarray: ...

    def times(self, i: int) -> np.ndarray:
        """Valid times of the T frames, datetime64[m], UTC."""
        ...


def arrays_of(samples: Samples, i: int) -> tuple[np.ndarray, ...]:
    """Sample i as a tuple of arrays; Refusal where one of them holds NaN or infinity."""
    sample = samples[i]
    arrays = sample if isinstance(sample, tuple) else (sample,)
    if not all(np.isfinite(array).all() for array in arrays):
        raise Refusal(f"{samples.source}: sample {samples.label(i)} holds NaN or infinity; "
                      "mend the data or leave the event out")  # fmt: skip
    return arrays
