"""YAML file and command-line overrides to one validated settings object, or a clear refusal.

Differs from `mindearth.utils.load_yaml_config`: that function imports MindSpore (5 s). Its
convention stays: a key that ends in `_path` is relative to the project root, the folder above
`configs/`.
"""

from __future__ import annotations

import difflib
import os
import types
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from mindcast.config.frozen import Frozen
from mindcast.config.schema import RunSettings
from mindcast.refusal import Refusal

Tree = dict[str, Any]


@dataclass(frozen=True)
class RunTypes:
    """What the file's names stand for: the types of its sections "model" and "data".

    stages: of the model's training, each with whether its settings may be absent.
    """

    model: type[Frozen]
    data: type[Frozen]
    stages: Mapping[str, bool]


FindTypes = Callable[[str, str], RunTypes]  # (model.name, data.name) -> types; may raise Refusal


def load(path: str | Path, find_types: FindTypes, overrides: Sequence[str] = ()) -> RunSettings:
    """The settings of a run from a YAML file and `key.path=value` overrides.

    Raises Refusal for a file that cannot be read, an unknown key (naming the nearest known one),
    a wrong type or a value out of range.
    """
    path = Path(path)
    tree = read_yaml(path)
    _make_paths_absolute(tree, _project_root(path))
    for override in overrides:
        _apply(tree, override)
    return validate(tree, find_types, str(path))


def validate(tree: Tree, find_types: FindTypes, origin: str) -> RunSettings:
    """Check a settings tree; `origin` names it in a refusal."""
    try:
        found = find_types(_named(tree, "model", origin), _named(tree, "data", origin))
    except Refusal as refusal:
        raise Refusal(f"{origin}: {refusal}") from None
    # a type made at run time, which no checker can follow
    settings_type = RunSettings[found.model, found.data]  # type: ignore[name-defined]
    try:
        settings: RunSettings = settings_type.model_validate(tree)
    except ValidationError as error:
        raise Refusal(_explain(error, settings_type, origin)) from None
    _check_stages(settings, found.stages, origin)
    return settings


def to_yaml(settings: RunSettings) -> str:
    """The resolved settings as YAML text that `load` reads back to an equal object."""
    return yaml.safe_dump(settings.model_dump(mode="json"), sort_keys=False)


def read_yaml(path: Path) -> Tree:
    """The mapping in a YAML file; Refusal if there is none."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "is not UTF-8 text"
        raise Refusal(f"{path}: {reason}; give an existing YAML file with --cfg") from None
    try:
        tree = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError) as error:  # ValueError: such as a 13th month
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or "cannot be parsed"
        raise Refusal(f"{path}{line}: not valid YAML ({problem}); fix the file") from None
    if not isinstance(tree, dict):
        raise Refusal(f"{path}: holds {type(tree).__name__}, expected a mapping of settings")
    return tree


def _named(tree: Tree, section: str, origin: str) -> str:
    part = tree.get(section)
    name = part.get("name") if isinstance(part, dict) else None
    if not isinstance(name, str):
        found = "nothing" if name is None else repr(name)
        raise Refusal(f"{origin}: {section}.name = {found}, expected a name; add it to the file")
    return name


def _check_stages(settings: RunSettings, stages: Mapping[str, bool], origin: str) -> None:
    for name in settings.training:
        if name not in stages:
            raise Refusal(f"{origin}: {_unknown(['training', name], stages)}")
    for name, may_be_absent in stages.items():
        if name not in settings.training and not may_be_absent:
            raise Refusal(f"{origin}: training.{name} is missing; give the stage its settings")


def _project_root(path: Path) -> Path:
    """The folder above `configs`, wherever below it the file lies; else the folder above."""
    folder = path.resolve().parent
    for candidate in (folder, *folder.parents):
        if candidate.name == "configs":
            return candidate.parent
    return folder.parent


def _make_paths_absolute(tree: Tree, root: Path) -> None:
    for key, value in tree.items():
        if isinstance(value, dict):
            _make_paths_absolute(value, root)
        elif key.endswith("_path") and isinstance(value, str) and value:
            tree[key] = os.path.normpath(root / os.path.expanduser(value))


def _apply(tree: Tree, override: str) -> None:
    key, equals, text = override.partition("=")
    keys = key.strip().split(".")
    if not equals or not all(keys):
        raise Refusal(f"--set {override!r}: expected key.path=value, as in runtime.seed=1")
    try:
        value = yaml.safe_load(text)
        if keys[-1].endswith("_path") and isinstance(value, str) and value:
            value = os.path.abspath(os.path.expanduser(value))
    except (yaml.YAMLError, ValueError):
        raise Refusal(f"--set {override!r}: the value is not valid YAML; quote it") from None
    for inner in keys[:-1]:
        branch = tree.setdefault(inner, {})
        if not isinstance(branch, dict):
            raise Refusal(f"--set {override!r}: {inner} is a value, not a group of settings")
        tree = branch
    tree[keys[-1]] = value if text.strip() else ""  # "key=" empties a text, "key=null" is none


def _explain(error: ValidationError, settings_type: type[BaseModel], origin: str) -> str:
    first = error.errors()[0]
    location = [str(part) for part in first["loc"]]
    key = ".".join(location)
    if first["type"] == "extra_forbidden":
        return f"{origin}: {_unknown(location, _fields_at(settings_type, location[:-1]))}"
    if first["type"] == "missing":
        return f"{origin}: {key} is missing; add it"
    problem = first["msg"].removeprefix("Value error, ")
    if first["type"] == "value_error":
        return f"{origin}: {key}: {problem}"
    return f"{origin}: {key} = {first['input']!r}: {problem[0].lower()}{problem[1:]}"


def _unknown(location: Sequence[str], known: Iterable[str]) -> str:
    names = list(known)
    key = ".".join(location)
    close = difflib.get_close_matches(location[-1], names, n=1, cutoff=0.5)
    if close:
        return f"unknown key {key}; did you mean {'.'.join([*location[:-1], close[0]])}?"
    return f"unknown key {key}; known here: {', '.join(names)}"


def _fields_at(annotation: Any, location: Sequence[str]) -> list[str]:
    """Field names of the settings type that lies at `location` inside `annotation`."""
    for inner in _settings_types(annotation):
        if not location:
            return list(inner.model_fields)
        field = inner.model_fields.get(location[0])
        if field is not None:
            return _fields_at(field.annotation, location[1:])
    if typing.get_origin(annotation) is dict and location:
        return _fields_at(typing.get_args(annotation)[1], location[1:])
    return []


def _settings_types(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return [t for part in typing.get_args(annotation) for t in _settings_types(part)]
    return []
