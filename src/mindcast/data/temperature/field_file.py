"""A file of fields by what it holds, and the reading of one state out of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import xarray as xr

from mindcast.data.temperature import axes, names
from mindcast.data.temperature.grid import Grid
from mindcast.data.temperature.netcdf import opened
from mindcast.refusal import Refusal

LEVEL_TOLERANCE_HPA = 0.01


@dataclass(frozen=True)
class Variable:
    """One variable of a file: its name there and what takes its numbers to our unit."""

    name: str
    factor: float = 1.0
    offset: float = 0.0
    standard_name: str = ""


@dataclass(frozen=True)
class State:
    """One field of a file: where it lies along the axes other than the grid's, and when it is.

    time: valid time, datetime64[m], UTC. member: number of the ensemble member, or None.
    """

    place: tuple[tuple[str, int], ...]
    time: np.datetime64
    member: int | None = None


@dataclass(frozen=True)
class FieldFile:
    """A file as this data set sees it.

    levels_hpa: (Z,) as they lie in the file. variables: by quantity of `names.QUANTITIES`.
    layout: names of its axes and how its columns lie. earth_winds: winds are to be turned.
    surface: files of single quantities at the ground, for those that this one does not hold.
    """

    path: Path
    levels_hpa: np.ndarray
    grid: Grid
    states: tuple[State, ...]
    variables: dict[str, Variable]
    layout: axes.Layout
    earth_winds: bool = False
    surface: dict[str, FieldFile] = field(default_factory=dict)

    def level_indices(self, levels_hpa: tuple[float, ...]) -> list[int]:
        """Where the wanted levels lie; Refusal lists the levels that there are."""
        found = []
        for level in levels_hpa:
            near = np.flatnonzero(np.abs(self.levels_hpa - level) < LEVEL_TOLERANCE_HPA)
            if not len(near):
                held = ", ".join(f"{p:g}" for p in sorted(self.levels_hpa, reverse=True))
                raise Refusal(
                    f"{self.path}: no level {level:g} hPa, found {held}; "
                    "choose the model's levels_hpa among them"
                )
            found.append(int(near[0]))
        return found

    def read(
        self, quantity: str, state: State, levels_hpa: tuple[float, ...] = ()
    ) -> np.ndarray | None:
        """One quantity, see `read_all`; None if the file does not hold it."""
        return self.read_all([quantity], state, levels_hpa).get(quantity)

    def read_all(
        self, quantities: Iterable[str], state: State, levels_hpa: tuple[float, ...] = ()
    ) -> dict[str, np.ndarray]:
        """Those of the quantities that the file, or its surface, holds, in our units, float64.

        (Z, H, W) on the wanted levels, (H, W) at the ground. The file is opened once.
        """
        wanted = set(quantities)
        with opened(self.path) as data:
            found = {
                quantity: self._values(data, quantity, state, levels_hpa)
                for quantity in wanted & self.variables.keys()
            }
        for quantity in wanted & self.surface.keys():
            there = self.surface[quantity]
            found |= there.read_all([quantity], self.surface_state(quantity, state))
        return found

    def surface_state(self, quantity: str, state: State) -> State:
        """Where a quantity of the surface's file lies for a state of this one.

        At its time and member; what has no time, or does not change with it, at the first place.
        Refusal for a surface pressure of another time.
        """
        there = self.surface[quantity]
        for member in (state.member, None):
            if (state.time, member) in there.places:
                return there.places[state.time, member]
        if quantity != "surface_pressure" or not there.layout.states:
            return there.states[0]
        times = [other.time for other in there.states]
        which = "" if state.member is None else f", member {state.member}"
        raise Refusal(
            f"{there.path}: no surface pressure at {state.time}{which} for {self.path}; "
            f"it has {len(times)} states from {min(times)} to {max(times)}; add that "
            "time, or fix data.surface_files"
        )

    @cached_property
    def places(self) -> dict[tuple[np.datetime64, int | None], State]:
        """The states by time and member."""
        return {(state.time, state.member): state for state in self.states}

    def path_of(self, quantity: str) -> Path:
        """The file that a quantity is read from."""
        return self.surface[quantity].path if quantity in self.surface else self.path

    def _values(
        self, data: xr.Dataset, quantity: str, state: State, levels_hpa: tuple[float, ...]
    ) -> np.ndarray:
        variable, layout = self.variables[quantity], self.layout
        array = data[variable.name]
        place: dict[str, int | list[int]] = {d: i for d, i in state.place if d in array.dims}
        if names.QUANTITIES[quantity].on_levels:
            place[layout.level] = self.level_indices(levels_hpa)
        order = [d for d in (layout.level, layout.y, layout.x) if d in array.dims]
        values = np.asarray(array.isel(place).transpose(*order).values, np.float64)
        return layout.arranged(values) * variable.factor + variable.offset
