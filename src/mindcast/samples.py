"""What a sample of each task is: the input, all that a forecast may see, apart from the truth.

The arrays are float32 and stand for one sample, as described, or carry a batch axis N in front; all
arrays of a sample do the same. Functions that are compiled get them by these names, see
`mindcast.compiled`: nothing depends on an order.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Generic, Self, TypeVar

import numpy as np

Named = dict[str, np.ndarray]
TRUTH = "truth"


@dataclass(frozen=True, eq=False)
class Input:
    """The input of one task: arrays and nothing else."""

    @property
    def named(self) -> Named:
        """The arrays by their names, those that there are."""
        arrays = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: array for name, array in arrays.items() if array is not None}

    def mapped(self, function: Callable[[np.ndarray], np.ndarray]) -> Self:
        """The same with `function` of every array."""
        changed: dict[str, Any] = {name: function(array) for name, array in self.named.items()}
        return replace(self, **changed)


@dataclass(frozen=True, eq=False)
class NowcastInput(Input):
    """Radar frames in [0, 1], the data's scale.

    context: (T, H, W, 1), oldest first; the forecast begins after the last of them.
    extrapolated: what motion makes of the context, (T, H, W, C) of the frames to be forecast, for
        models that take it, see `motion.moved`; None where it was not asked for.
    motion: (H, W, 2), pixels per frame to the right and downwards, which forecasts are to go by
        where the model goes by motion; None: as it is found in the context.
    """

    context: np.ndarray
    extrapolated: np.ndarray | None = None
    motion: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class DownscaleInput(Input):
    """Coarse fields (Z, h, w, C) and what is known on the fine grid (H, W), h = ceil(H / factor).

    Levels from the bottom upwards. Where the factor does not divide H or W, the last coarse cells
    hold the points that are left.

    temperature_lr: (Z, h, w, 1), K.
    wind_lr: (Z, h, w, 3), u and v in m/s along the grid's axes, omega in Pa/s; 0 where absent.
    priors_lr: (Z, h, w, 7), the channels of `physics.priors`, then 1 where winds are present.
    statics: (H, W, 3), orography / 1000 m, land-sea mask, sin(latitude); 0 where absent.
    metric: (H, W, 4), h_x and h_y of `physics.horizontal.Metric`, m; 1 where the sample's
        longitudes close the circle, else 0; how much the row counted in its block mean.
    weight: (Z, H, W, 1), 1 above the ground, 0 below.
    """

    temperature_lr: np.ndarray
    wind_lr: np.ndarray
    priors_lr: np.ndarray
    statics: np.ndarray
    metric: np.ndarray
    weight: np.ndarray


Kind = TypeVar("Kind", bound=Input)


@dataclass(frozen=True, eq=False)
class Sample(Generic[Kind]):
    """An input and, where it is known, what came of it.

    truth: nowcast: the frames (T, H, W, 1) after the context, in [0, 1]; downscale: the fine
        temperature (Z, H, W, 1), K.
    """

    input: Kind
    truth: np.ndarray | None = None

    @property
    def named(self) -> Named:
        """The arrays of the input by their names, and "truth" where there is one."""
        known = {} if self.truth is None else {TRUTH: self.truth}
        return {**self.input.named, **known}

    @property
    def known_truth(self) -> np.ndarray:
        """The truth, where there must be one; ValueError where it is absent."""
        if self.truth is None:
            raise ValueError("this sample has no truth")
        return self.truth

    def mapped(self, function: Callable[[np.ndarray], np.ndarray]) -> Self:
        """The same with `function` of every array."""
        truth = None if self.truth is None else function(self.truth)
        return replace(self, input=self.input.mapped(function), truth=truth)

    def batched(self) -> Self:
        """One sample as a batch of one."""
        return self.mapped(lambda array: array[np.newaxis])

    def cases(self, part: slice) -> Self:
        """Some samples of a batch."""
        return self.mapped(lambda array: array[part])


NowcastSample = Sample[NowcastInput]
DownscaleSample = Sample[DownscaleInput]
# a changed copy of a sample, by one draw; the sample itself stays as it is
Change = Callable[[Sample[Any], np.random.Generator], Sample[Any]]


def from_named(kind: type[Kind], named: Mapping[str, np.ndarray]) -> Sample[Kind]:
    """The sample whose `named` this is; `kind` is the type of its input."""
    inputs = {name: array for name, array in named.items() if name != TRUTH}
    return Sample(kind(**inputs), named.get(TRUTH))


def stacked(samples: Sequence[Sample[Kind]]) -> Sample[Kind]:
    """Samples of equal shapes as one batch."""
    first = samples[0]
    arrays = {name: np.stack([sample.named[name] for sample in samples]) for name in first.named}
    return from_named(type(first.input), arrays)


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
    """Where and when a field is, on its fine grid.

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
