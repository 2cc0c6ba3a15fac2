"""The base type of every settings object, and keys that once had another name."""

from __future__ import annotations

import typing
from collections.abc import Mapping
from functools import cache
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationInfo, field_validator, model_validator

from mindcast.config.numbers import MOST


class Frozen(BaseModel):
    """Immutable settings that accept their declared keys only; see `loader.load` for refusals.

    The docstring below a field is its meaning, which `reference.reference` prints.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        protected_namespaces=(),
        allow_inf_nan=False,  # nan would not even equal itself when a run is resumed
        defer_build=True,  # most commands use few of the types, and refusals are to be quick
    )

    @field_validator("*", mode="before")
    @classmethod
    def _numbers_are_numbers(cls, value: Any, info: ValidationInfo) -> Any:
        annotation: Any = cls.model_fields[info.field_name or ""].annotation
        _check_kind(value, _types_in(annotation))
        return value

    @field_validator("*", mode="after")
    @classmethod
    def _numbers_are_of_use(cls, value: Any) -> Any:
        _check_range(value)
        return value


def _check_kind(value: Any, types: frozenset[type]) -> None:
    """ValueError for true and quoted text where only numbers are expected."""
    only_numbers = bool(types) and types <= {int, float, type(None)}
    if isinstance(value, list | tuple):
        for part in value:
            _check_kind(part, types)
    elif isinstance(value, bool) and types & {int, float} and bool not in types:
        raise ValueError(f"{str(value).lower()} is no number")
    elif isinstance(value, str) and only_numbers and _reads_as_number(value):
        raise ValueError(
            f"{value!r} is text, expected a number; write it without quotes, leading zeros and "
            "spaces"
        )


def _check_range(value: Any) -> None:
    """ValueError for a whole number that is beyond all use, whatever its setting is for."""
    if isinstance(value, tuple):
        for part in value:
            _check_range(part)
    elif isinstance(value, int) and abs(value) > MOST:
        raise ValueError(f"{value} is out of range, expected at most {MOST}")


@cache
def _types_in(annotation: Any) -> frozenset[type]:
    """The plain types that a field may hold, also inside of lists; those of sections are left."""
    if typing.get_origin(annotation) is Literal:
        return frozenset(type(value) for value in typing.get_args(annotation))
    inside = typing.get_args(annotation)
    if inside:
        return frozenset().union(*map(_types_in, inside))
    return frozenset({annotation} if isinstance(annotation, type) else ())


def _reads_as_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def renamed(old: str, new: str, values: Mapping[Any, Any] | None = None) -> Any:
    """A validator for the body of a settings type: the key `old` of former versions means `new`.

    values: what replaces each former value; None: they stay. ValueError for both keys at once and
    for a value that there never was.
    """

    def rename(tree: Any) -> Any:
        if not isinstance(tree, dict) or old not in tree:
            return tree
        if new in tree:
            raise ValueError(f"{old} is the former name of {new}; both are given, give {new} only")
        value = tree[old]
        if values is not None:
            found = [now for former, now in values.items() if former == value]
            if not found:
                raise ValueError(
                    f"{old} = {value!r}, expected one of {list(values)}; its name is now {new}"
                )
            value = found[0]
        return {**{key: kept for key, kept in tree.items() if key != old}, new: value}

    return model_validator(mode="before")(rename)
