"""The base type of every settings object, and keys that once had another name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, model_validator


class Frozen(BaseModel):
    """Immutable settings that accept their declared keys only; see `loader.load` for refusals.

    The docstring below a field is its meaning, which `reference.reference` prints.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        protected_namespaces=(),
        allow_inf_nan=False,  # nan would not even equal itself when a run is resumed
        use_attribute_docstrings=True,
    )


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
