"""The face that every data set shows: samples with their names, and what a task adds to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np

from mindcast.refusal import Refusal

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
    shapes: of the arrays of a sample; the same for all samples that are cut to one size.
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
    unit: of physical values, "VIL" or "dBZ"; picks the colours of pictures too.
    """

    frame_shape: tuple[int, int]
    interval_minutes: int
    value_scale: float
    thresholds: tuple[float, ...]
    unit: str

    def __getitem__(self, i: int) -> np.ndarray: ...

    def times(self, i: int) -> np.ndarray:
        """Valid times of the T frames, datetime64[m], UTC."""
        ...


class PatchLike(Protocol):
    """How samples are cut out of states of the atmosphere.

    levels_hpa: from the bottom upwards. factor: fine cells a side of a coarse cell.
    frame: (H, W) of the crops; None: whole domains, trimmed to multiples of `multiple`.
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
    def multiple(self) -> int: ...

    @property
    def prior_source(self) -> str: ...


@dataclass(frozen=True)
class Axis:
    """A coordinate along one axis: CF-like name and unit, values (n,) float64."""

    name: str
    unit: str
    values: np.ndarray

    def cut(self, part: slice) -> Axis:
        """The axis of a part of the points."""
        return Axis(self.name, self.unit, self.values[part])


@dataclass(frozen=True)
class Coordinates:
    """Where and when a sample is, on its fine grid.

    y, x: latitude and longitude in degrees, or distances in m on a map. latitude, longitude:
    (H, W), degrees. levels_hpa: from the bottom upwards. time: valid time, UTC. member: number in
    an ensemble, or None.
    """

    y: Axis
    x: Axis
    latitude: np.ndarray
    longitude: np.ndarray
    levels_hpa: tuple[float, ...]
    time: np.datetime64
    member: int | None = None

    @property
    def is_regular(self) -> bool:
        """Whether latitude and longitude are the axes."""
        return self.y.unit.startswith("degree")


class Fields(Samples, Protocol):
    """Samples of the task "downscale": tuples of float32 arrays.

    In the order of `columns`, coarse fields (Z, h, w, C) and fine ones (Z, H, W, C), H = factor h:

    temperature_lr: (Z, h, w, 1), K.
    wind_lr: (Z, h, w, 3), u and v in m/s along the grid's axes, omega in Pa/s; 0 where absent.
    priors_lr: (Z, h, w, 7), the channels of `physics.priors`, then 1 where winds are present.
    statics: (H, W, 3), orography / 1000 m, land-sea mask, sin(latitude); 0 where absent.
    metric: (H, W, 4), h_x and h_y of `mindcast.physics.horizontal.Metric`, m; 1 where the sample's
        longitudes close the circle, else 0; how much the row counted in its block mean.
    weight: (Z, H, W, 1), 1 above the ground, 0 below.
    temperature: (Z, H, W, 1), K: the truth.

    levels_hpa: from the bottom upwards. unit: of the truth.
    """

    columns: tuple[str, ...]
    levels_hpa: tuple[float, ...]
    unit: str

    def __getitem__(self, i: int) -> tuple[np.ndarray, ...]: ...

    def times(self, i: int) -> np.ndarray:
        """Valid time of sample i, (1,) datetime64[m], UTC."""
        ...

    def coordinates(self, i: int) -> Coordinates:
        """Where sample i lies."""
        ...


def arrays_of(samples: Samples, i: int) -> tuple[np.ndarray, ...]:
    """Sample i as a tuple of arrays; Refusal where one of them holds NaN or infinity."""
    sample = samples[i]
    arrays = sample if isinstance(sample, tuple) else (sample,)
    if not all(np.isfinite(array).all() for array in arrays):
        raise Refusal(
            f"{samples.source}: sample {samples.label(i)} holds NaN or infinity; "
            "mend the data or leave the event out"
        )
    return arrays
