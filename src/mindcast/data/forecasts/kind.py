"""For which task a forecast file is, by what it holds."""

from __future__ import annotations

from pathlib import Path

from mindcast.data.temperature.find import find, look_into
from mindcast.data.temperature.netcdf import opened
from mindcast.data.temperature.units import text
from mindcast.refusal import Refusal


def task_of(path: Path) -> str:
    """ "downscale" for temperature on pressure levels, else "nowcast"; Refusal where unreadable."""
    with opened(path) as data:
        try:
            return "nowcast" if find(look_into(path, data), "temperature") is None else "downscale"
        except Refusal:  # temperature of a kind that is no downscaling
            return "nowcast"


def attributes_of(path: Path) -> dict[str, str]:
    """What a file states of itself."""
    with opened(path) as data:
        return {str(key): text(value) for key, value in data.attrs.items()}


def names_in(path: Path) -> frozenset[str]:
    """Of the variables that a file holds."""
    with opened(path) as data:
        return frozenset(map(str, data.data_vars))
