"""Marks beside settings, `key: Annotated[type, FREE]`: what a change of them would spoil.

Weights are bound to the model that they were trained in and to what the numbers meant that they
saw. A model's settings bind unless they are FREE, those of a data set only where they are BOUND.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from mindcast.config.frozen import Frozen

Tree = dict[str, Any]


class Mark(Enum):
    """FREE: of a model; how it was trained or how its forecasts are steered, trained weights keep
    their meaning. BOUND: of a data set; gives stored numbers their meaning. LAYOUT: the same, of
    the files at hand: others may be laid out differently. SPEED: changes time or memory, never a
    number.
    """

    FREE = "free"
    BOUND = "bound"
    LAYOUT = "layout"
    SPEED = "speed"


FREE, BOUND, LAYOUT, SPEED = Mark


@dataclass(frozen=True)
class Difference:
    """A key by its full path, with the value that it had and the one that it has now."""

    key: str
    before: Any
    now: Any


def without(settings: Frozen, mark: Mark) -> Tree:
    """The settings as a tree of plain values, less the keys with this mark, at any depth."""
    tree = settings.model_dump(mode="json")
    for name in type(settings).model_fields:
        value = getattr(settings, name)
        if has_mark(type(settings), name, mark):
            del tree[name]
        elif isinstance(value, Frozen):
            tree[name] = without(value, mark)
    return tree


def only(settings: Frozen, mark: Mark) -> Tree:
    """The keys with this mark, of the settings themselves, as a tree of plain values."""
    names = {n for n in type(settings).model_fields if has_mark(type(settings), n, mark)}
    return settings.model_dump(mode="json", include=names)


def meaning_of(data: Frozen, before: Mapping[str, Any]) -> Tree:
    """What must be as it was `before`, in settings of the same data set.

    The keys that are BOUND and, where the folder is the same, those of LAYOUT.
    """
    same_files = before.get("root_dir") == getattr(data, "root_dir", None)
    return only(data, BOUND) | (only(data, LAYOUT) if same_files else {})


def has_mark(settings_type: type[Frozen], name: str, mark: Mark) -> bool:
    """Whether a field bears the mark: its own, or that of the base whose field it overrides."""
    fields = (getattr(base, "model_fields", {}).get(name) for base in settings_type.__mro__)
    return any(mark in info.metadata for info in fields if info is not None)


def differences(
    before: Mapping[str, Any], now: Mapping[str, Any], path: str = ""
) -> Iterator[Difference]:
    """The keys of `now` whose value was another one `before`; those that were unknown are none."""
    for name, value in now.items():
        key = f"{path}.{name}".lstrip(".")
        if name not in before or before[name] == value:
            continue
        if isinstance(value, Mapping) and isinstance(before[name], Mapping):
            yield from differences(before[name], value, key)
        else:
            yield Difference(key, before[name], value)
