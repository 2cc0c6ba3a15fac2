"""Names of the states of a split, fit for file names and different from each other."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from mindcast.data.temperature.parts import Part
from mindcast.data.temperature.states import State


class Entry(NamedTuple):
    """A state, and the part that it is of."""

    part: Part
    state: State


def state_names(parts: Sequence[Part], root: Path) -> list[dict[State, str]]:
    """For each part its states' names: "era5_20170101T1200_m3".

    File, valid time and member; only where several states share these, also what tells them apart:
    the folders below `root`, the file's ending, the time when the forecast began, the place in the
    file.
    """
    entries = [Entry(part, state) for part in parts for state in part.states]
    names = [_name(entry) for entry in entries]
    for more in (_folder, _ending, _run, _place):
        for same in _same(names):
            longer = [more(names[i], entries[i], root) for i in same]
            if len({*longer}) > 1:
                for i, name in zip(same, longer, strict=True):
                    names[i] = name
    for same in _same(names):  # folders whose names run together
        for number, i in enumerate(same):
            names[i] += f"_{number}"
    given = iter(names)
    return [{state: next(given) for state in part.states} for part in parts]


def _same(names: Sequence[str]) -> list[list[int]]:
    """The indices of names that are equal, where they are several."""
    groups: dict[str, list[int]] = {}
    for i, name in enumerate(names):
        groups.setdefault(name, []).append(i)
    return [group for group in groups.values() if len(group) > 1]


def _name(entry: Entry) -> str:
    state = entry.state
    member = "" if state.member is None else f"_m{_plain(state.name or str(state.member))}"
    return f"{entry.part.file.path.stem}_{_compact(state.time)}{member}"


def _folder(name: str, entry: Entry, root: Path) -> str:
    path = entry.part.file.path
    folders = path.relative_to(root).parts[:-1] if path.is_relative_to(root) else ()
    return "_".join([*map(_plain, folders), name])


def _ending(name: str, entry: Entry, root: Path) -> str:
    ending = _plain(entry.part.file.path.suffix.lstrip("."))
    return f"{name}_{ending}" if ending else name


def _run(name: str, entry: Entry, root: Path) -> str:
    return name if entry.state.run is None else f"{name}_run{_compact(entry.state.run)}"


def _place(name: str, entry: Entry, root: Path) -> str:
    return "_".join([name, *(f"{axis}{index}" for axis, index in entry.state.place)])


def _compact(time: np.datetime64) -> str:
    return str(time).replace("-", "").replace(":", "")


def _plain(text: str) -> str:
    """Without what has a meaning in a path."""
    return re.sub(r"[^\w.+]+", "-", text)
