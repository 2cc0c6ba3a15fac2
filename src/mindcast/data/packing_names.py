"""Attributes that change values, as files spell them, and those of which no convention says how."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# name -> the number that leaves values as they are
UNCLEAR = {
    **dict.fromkeys(("scale", "slope", "scaling", "scaling_factor"), 1.0),
    **dict.fromkeys(("factor", "multiplier", "multiplication_factor"), 1.0),
    **dict.fromkeys(("intercept", "bias"), 0.0),
}


def bare(name: str) -> str:
    """A name without its underscores and capitals: "ScaleFactor" is "scale_factor"."""
    return name.replace("_", "").casefold()


def misspelt(attributes: Mapping[Any, Any], names: tuple[str, ...]) -> str | None:
    """The first attribute that is one of these names in another spelling."""
    wanted = {bare(name) for name in names}
    return next((str(a) for a in attributes if a not in names and bare(str(a)) in wanted), None)
