"""The face that every data set shows: samples with their names, and what a task adds to it.

What a sample of each task holds stands in `mindcast.samples`.
"""

from __future__ import annotations

from typing import Any, Literal, Protocol

import numpy as np

from mindcast.refusal import Refusal
from mindcast.samples import Change, Coordinates, DownscaleSample, Input, NowcastSample, Sample

Split = Literal["train", "val", "test"]
SPLITS: tuple[Split, ...] = ("train", "val", "test")
Shapes = dict[str, tuple[int, ...]]
Augmentation = Change


class WindowLike(Protocol):
    """How samples are cut out of events: `length` frames, a new piece every `stride` frames.

    The first `context` frames are the input, the others, if there are any, the truth. `frame` is
    the (H, W) that the networks are built for.
    """

    @property
    def length(self) -> int: ...

    @property
    def stride(self) -> int: ...

    @property
    def frame(self) -> tuple[int, int]: ...

    @property
    def context(self) -> int: ...


class Samples(Protocol):
    """One split of a data set, whatever the task.

    input_type: of the input of every sample.
    keys: (len,) int64, the number that names sample i in every draw of random numbers.
    shapes: of the arrays of a sample by their names, those of `Sample.named`; the same for all
        samples that are cut to one size.
    source: where the samples come from, one line for the report.
    """

    input_type: type[Input]
    keys: np.ndarray
    source: str

    @property
    def shapes(self) -> Shapes: ...

    def __len__(self) -> int: ...

    def __getitem__(self, i: int) -> Sample[Any]: ...

    def label(self, i: int) -> str:
        """A name of sample i, fit for a file name."""
        ...


class Sequences(Samples, Protocol):
    """Samples of the task "nowcast": frames in [0, 1], cut after the context of the window.

    frame_shape: (H, W).
    interval_minutes: time between frames.
    value_scale: physical value = sample * value_scale.
    thresholds: physical values at which categorical scores are taken.
    unit: of physical values, "VIL" or "dBZ"; picks the colours of pictures too.
    """

    frame_shape: tuple[int, int]
    interval_minutes: int
    value_scale: float
    thresholds: tuple[float, ...]
    unit: str

    def __getitem__(self, i: int) -> NowcastSample: ...

    def times(self, i: int) -> np.ndarray:
        """Valid times of all frames, context first and then truth, datetime64[m], UTC."""
        ...


class PatchLike(Protocol):
    """How samples are cut out of states of the atmosphere.

    levels_hpa: from the bottom upwards. factor: fine cells a side of a coarse cell.
    frame: (H, W) of the crops; None: whole domains, every point of them.
    prior_source: which wind the priors take, a value of `mindcast.physics.priors.PRIOR_SOURCES`, or
        "available": for every file the first of them that it can serve.
    """

    @property
    def levels_hpa(self) -> tuple[float, ...]: ...

    @property
    def factor(self) -> int: ...

    @property
    def frame(self) -> tuple[int, int] | None: ...

    @property
    def prior_source(self) -> str: ...


class Fields(Samples, Protocol):
    """Samples of the task "downscale".

    levels_hpa: from the bottom upwards. unit: of the truth.
    """

    levels_hpa: tuple[float, ...]
    unit: str

    def __getitem__(self, i: int) -> DownscaleSample: ...

    def times(self, i: int) -> np.ndarray:
        """Valid time of sample i, (1,) datetime64[m], UTC."""
        ...

    def coordinates(self, i: int) -> Coordinates:
        """Where sample i lies, on its fine grid."""
        ...


def checked(samples: Samples, i: int) -> Sample[Any]:
    """Sample i; Refusal where one of its arrays holds NaN or infinity."""
    sample = samples[i]
    if not all(np.isfinite(array).all() for array in sample.named.values()):
        raise Refusal(
            f"{samples.source}: sample {samples.label(i)} holds NaN or infinity; "
            "fix the data or leave the event out"
        )
    return sample
