"""Downscaled temperature out of files, and the states of the truth that it is held against."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from mindcast.data.forecasts.kind import attributes_of, names_in
from mindcast.data.incoming.find import find_files
from mindcast.data.temperature.field_file import FieldFile
from mindcast.data.temperature.fields import TemperatureFields
from mindcast.data.temperature.grid import Grid
from mindcast.data.temperature.parts import Box, Part
from mindcast.data.temperature.scan import scan
from mindcast.data.temperature.settings import TemperatureSettings
from mindcast.data.temperature.states import State
from mindcast.refusal import Refusal

DETERMINISTIC = "air_temperature_deterministic"  # of our files, beside the members
NEAR = 0.01  # of the distance between points: by so much points of the truth may lie beside


@dataclass(frozen=True)
class Whole:
    """How states are taken: whole, on these levels, see `data.base.PatchLike`."""

    levels_hpa: tuple[float, ...]
    factor: int
    frame: tuple[int, int] | None = None
    prior_source: str = "available"


@dataclass(frozen=True, eq=False)
class FineForecast:
    """The fields of one time in a file: its members, or one field without.

    has_both: whether a deterministic field lies beside the members.
    """

    file: FieldFile
    states: tuple[State, ...]
    has_both: bool = False

    @property
    def time(self) -> np.datetime64:
        """Valid time, UTC."""
        return self.states[0].time

    @property
    def members(self) -> int | None:
        """None for a field that is no member of anything."""
        return None if self.states[0].member is None else len(self.states)

    def fields(self, levels_hpa: tuple[float, ...]) -> np.ndarray:
        """(M, Z, H, W, 1), or (Z, H, W, 1) without members, float32, K."""
        read = [self.file.read("temperature", state, levels_hpa) for state in self.states]
        found = np.array(read, np.float32)[..., np.newaxis]
        return found[0] if self.members is None else found

    def deterministic(self, levels_hpa: tuple[float, ...]) -> np.ndarray:
        """(Z, H, W, 1), float32, K: the field beside the members."""
        variables = self.file.variables
        named = {"temperature": replace(variables["temperature"], name=DETERMINISTIC)}
        field = replace(self.file, variables=variables | named)
        found = field.read("temperature", self.states[0], levels_hpa)
        return np.asarray(found, np.float32)[..., np.newaxis]


def forecasts_in(paths: Sequence[Path]) -> list[FineForecast]:
    """The forecasts of all times in some files, in order."""
    found = []
    for path in paths:
        file = scan(path)
        has_both = DETERMINISTIC in names_in(path) and file.states[0].member is not None
        by_time: dict[Any, list[State]] = {}
        for state in file.states:
            by_time.setdefault((state.time, state.run), []).append(state)
        found += [FineForecast(file, tuple(states), has_both) for states in by_time.values()]
    return found


def levels_of(file: FieldFile) -> tuple[float, ...]:
    """All levels, from the bottom upwards."""
    return tuple(float(level) for level in sorted(file.levels_hpa, reverse=True))


def factor_of(path: Path) -> int | None:
    """Points along a side of a coarse cell, as a file of ours states it; None of another."""
    try:
        about = json.loads(attributes_of(path)["provenance"])
        return int(about["settings"]["model"]["factor"])
    except (ValueError, LookupError, TypeError):
        return None


class FineTruth:
    """The states of some files at the times and places of forecasts.

    forecasts: those that have a truth. fields: their truth, in the same order. Refusal where there
    is none, where several members are of a time, or where points lie elsewhere.
    """

    def __init__(
        self, forecasts: Sequence[FineForecast], inputs: Sequence[str], levels: Whole
    ) -> None:
        paths, _ = find_files(inputs, "--truth")
        files = [scan(path) for path in paths]
        pairs = [(f, part) for f in forecasts for part in _truths(f, files)]
        if not pairs:
            times = sorted(state.time for file in files for state in file.states)
            raise Refusal(
                f"{forecasts[0].file.path}: is for {forecasts[0].time}, the truth for {times[0]} "
                f"to {times[-1]} (UTC): no common time; give the --truth of that time"
            )
        self.forecasts = [forecast for forecast, _ in pairs]
        root = os.path.commonpath([path.absolute().parent for path in paths])
        settings = TemperatureSettings(name="temperature", root_dir=root)
        self.fields: Any = TemperatureFields(settings, "test", [part for _, part in pairs], levels)


def _truths(forecast: FineForecast, files: Sequence[FieldFile]) -> Iterator[Part]:
    """The state of the forecast's time, if there is one."""
    found = [(f, state) for f in files for state in f.states if state.time == forecast.time]
    if len(found) > 1:
        names = " and ".join(dict.fromkeys(str(file.path) for file, _ in found))
        raise Refusal(
            f"{names}: hold {len(found)} states of {forecast.time}, members or forecasts, expected "
            "one; give a file of one of them as --truth"
        )
    for file, state in found:
        box = box_in(file.grid, forecast.file.grid)
        if box is None:
            raise Refusal(
                f"{file.path}: its {' x '.join(map(str, file.grid.shape))} points are not those of "
                f"{forecast.file.path} and around; give a truth on the forecast's grid"
            )
        yield Part(file, (state,), box)


def box_in(truth: Grid, forecast: Grid) -> Box | None:
    """Where the points of a forecast lie on a larger grid; None where they do not."""
    distance = np.abs(truth.latitude - forecast.latitude[0, 0])
    distance = distance + np.abs(_turn(truth.longitude - forecast.longitude[0, 0]))
    first = np.unravel_index(np.argmin(distance), truth.shape)
    rows, columns = (
        slice(int(k), int(k) + count) for k, count in zip(first, forecast.shape, strict=True)
    )
    part = truth.cut(rows, columns)
    if part.shape != forecast.shape:
        return None
    near = NEAR * np.abs(np.diff(forecast.latitude, axis=0)).max()
    off = np.abs(part.latitude - forecast.latitude).max()
    off = max(off, np.abs(_turn(part.longitude - forecast.longitude)).max())
    return (rows, columns) if off <= near else None


def _turn(degrees: np.ndarray) -> np.ndarray:
    return (degrees + 180) % 360 - 180
