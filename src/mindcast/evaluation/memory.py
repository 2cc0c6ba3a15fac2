"""What scores have added up, as named arrays, and back: exactly, and the same way for every score.

A score keeps its numbers in attributes: arrays, numbers, tuples of numbers, generators of random
numbers, or objects of this room, lists, tuples and dictionaries of these. All else is constant.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

ROOM = "mindcast.evaluation"


def remembered(thing: Any, name: str) -> dict[str, np.ndarray]:
    """Every number that `thing` holds, by paths that begin with `name`."""
    return {path: _array(value) for path, _, _, value in _leaves(thing, name, set())}


def recall(thing: Any, arrays: Mapping[str, np.ndarray], name: str) -> None:
    """Give a new `thing` the numbers of the one that was remembered under `name`.

    KeyError for one that is missing, ValueError for one that cannot be what it stands for.
    """
    for path, owner, key, value in list(_leaves(thing, name, set())):
        _put(owner, key, value, arrays[path])


def _leaves(owner: Any, path: str, seen: set[int]) -> Iterator[tuple[str, Any, Any, Any]]:
    """(path, the object or container that has it, its key there, the value); each object once."""
    if id(owner) in seen:
        return
    seen.add(id(owner))
    for key, value in _parts(owner):
        inner = f"{path}/{key}"
        if _is_leaf(value):
            yield inner, owner, key, value
        else:
            yield from _leaves(value, inner, seen)


def _parts(owner: Any) -> list[tuple[Any, Any]]:
    if isinstance(owner, Mapping):
        return list(owner.items())
    if isinstance(owner, (list, tuple)):
        return list(enumerate(owner))
    return list(vars(owner).items()) if type(owner).__module__.startswith(ROOM) else []


def _is_leaf(value: Any) -> bool:
    if isinstance(value, tuple):
        return all(isinstance(item, (int, float)) for item in value)
    return isinstance(value, (np.ndarray, np.generic, int, float, np.random.Generator))


def _array(value: Any) -> np.ndarray:
    if isinstance(value, np.random.Generator):
        return np.array(json.dumps(value.bit_generator.state))
    return np.array(value)


def _put(owner: Any, key: Any, value: Any, array: np.ndarray) -> None:
    if isinstance(value, np.random.Generator):
        value.bit_generator.state = json.loads(str(array))
    elif isinstance(value, np.ndarray) and value.shape == array.shape:
        value[...] = array
    elif isinstance(owner, (dict, list)):
        owner[key] = _like(value, array)
    else:
        setattr(owner, key, _like(value, array))


def _like(value: Any, array: np.ndarray) -> Any:
    """The array as what it stands for."""
    if isinstance(value, np.ndarray):
        return array
    return tuple(array.tolist()) if isinstance(value, tuple) else type(value)(array.item())
