"""A file of fields by what it holds, and the reading of one state out of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import xarray as xr

from mindcast.data.temperature import axes, names
from mindcast.data.temperature.checks import check_values
from mindcast.data.temperature.grid import Grid, turned
from mindcast.data.temperature.netcdf import opened, values_of
from mindcast.data.temperature.states import State
from mindcast.refusal import Refusal

LEVEL_TOLERANCE_HPA = 0.01


@dataclass(frozen=True)
class Variable:
    """One variable of a file: its name there and what takes its numbers to our unit.

    versions: indices along its axis of versions, version_axis, the final one first; () where it
    has none.
    """

    name: str
    factor: float = 1.0
    offset: float = 0.0
    standard_name: str = ""
    version_axis: str = ""
    versions: tuple[int, ...] = ()


@dataclass(frozen=True)
class FieldFile:
    """A file as this data set sees it.

    levels_hpa: (Z,) as they lie in the file. variables: by quantity of `names.QUANTITIES`.
    layout: names of the axes of temperature and how the columns lie. earth_winds: winds are to be
    turned. apart: quantities that lie in another file, or on axes of their own, each as a file of
    that quantity alone.
    """

    path: Path
    levels_hpa: np.ndarray
    grid: Grid
    states: tuple[State, ...]
    variables: dict[str, Variable]
    layout: axes.Layout
    earth_winds: bool = False
    apart: dict[str, FieldFile] = field(default_factory=dict)

    def turned(self, first: int, west: float) -> FieldFile:
        """The same on a closed circle of longitudes that begins with another column.

        west: degrees, longitudes are counted from within half a circle of it.
        """
        return replace(
            self,
            grid=turned(self.grid, first, west),
            layout=replace(self.layout, first=first),
            apart={quantity: file.turned(first, west) for quantity, file in self.apart.items()},
        )

    def level_indices(self, levels_hpa: tuple[float, ...]) -> list[int]:
        """Where the wanted levels lie; Refusal lists the levels that there are."""
        found = []
        for level in levels_hpa:
            near = np.flatnonzero(np.abs(self.levels_hpa - level) < LEVEL_TOLERANCE_HPA)
            if not len(near):
                held = ", ".join(f"{p:g}" for p in sorted(self.levels_hpa, reverse=True))
                of = "" if "temperature" in self.variables else f" of {', '.join(self.variables)}"
                raise Refusal(
                    f"{self.path}: no level {level:g} hPa{of}, found {held}; "
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
                for quantity in wanted & self.variables.keys() - self.apart.keys()
            }
        for quantity in wanted & self.apart.keys():
            there = self.apart[quantity]
            found |= there.read_all([quantity], self.state_apart(quantity, state), levels_hpa)
        return found

    def state_apart(self, quantity: str, state: State) -> State:
        """Where a quantity that lies apart lies for a state of this file.

        At its time, of its member and run if there are several; what has no time, or does not
        change with it, at the first place. Refusal for another quantity without that time.
        """
        there = self.apart[quantity]
        member = state.name or state.member
        keys: list[tuple[object, ...]] = [(member, state.run), (member,), (None,)]
        if member is None:
            keys.append(there.only_member)
        for key in keys:
            if (state.time, *key) in there.places:
                return there.places[state.time, *key]
        if quantity in names.STATIC or not there.layout.states:
            return there.states[0]
        times = [other.time for other in there.states]
        which = "" if state.member is None else f", member {member}"
        where = "" if there.path == self.path else f" for {self.path}"
        on = f" ({there.variables[quantity].name} on {', '.join(there.layout.states)})"
        raise Refusal(
            f"{there.path}: no {quantity.replace('_', ' ')} at {state.time}{which}{where}{on}; "
            f"it has {len(times)} states from {min(times)} to {max(times)}; add that "
            f"time{', or fix data.surface_files' if where else ''}"
        )

    @cached_property
    def only_member(self) -> tuple[int | str | None, ...]:
        """The one member of all states; () where they are of several."""
        members = {state.name or state.member for state in self.states}
        return tuple(members) if len(members) == 1 else ()

    @cached_property
    def places(self) -> dict[tuple[object, ...], State]:
        """The states by time and member, and by time, member and run; the first of several."""
        found: dict[tuple[object, ...], State] = {}
        for state in self.states:
            key = (state.time, state.name or state.member)
            found.setdefault(key, state)
            found.setdefault((*key, state.run), state)
        return found

    def path_of(self, quantity: str) -> Path:
        """The file that a quantity is read from."""
        return self.apart[quantity].path if quantity in self.apart else self.path

    def _values(
        self, data: xr.Dataset, quantity: str, state: State, levels_hpa: tuple[float, ...]
    ) -> np.ndarray:
        variable, layout = self.variables[quantity], self.layout
        array = data[variable.name]
        on_levels = names.QUANTITIES[quantity].on_levels
        # axes that are not named here have one cell
        place: dict[str, int | list[int] | slice] = dict.fromkeys(map(str, array.dims), 0)
        place |= {dim: index for dim, index in state.place if dim in place}
        order = [layout.level, layout.y, layout.x] if on_levels else [layout.y, layout.x]
        place |= {layout.y: slice(None), layout.x: slice(None)}
        if on_levels:
            place[layout.level] = self.level_indices(levels_hpa)
        if variable.versions:
            axis = variable.version_axis
            place[axis] = list(variable.versions)
            order.insert(0, axis)
        raw = values_of(self.path, array.isel(place).transpose(*order))
        values = np.asarray(merged(raw) if variable.versions else raw, np.float64)
        values = layout.arranged(values) * variable.factor + variable.offset
        check_values(self.path, variable.name, quantity, values, levels_hpa if on_levels else None)
        return values


def merged(versions: np.ndarray) -> np.ndarray:
    """One field from several along the first axis: where the first is missing, the next counts."""
    whole = versions[0]
    for other in versions[1:]:
        whole = np.where(np.isnan(whole), other, whole)
    return whole
