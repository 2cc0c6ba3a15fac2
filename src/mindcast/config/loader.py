"""YAML file and command-line overrides to one validated settings object, or a clear refusal.

Differs from `mindearth.utils.load_yaml_config`: that function imports MindSpore (5 s). Its
convention stays: a key that ends in `_path` is relative to the project root, the folder above
`configs/`.
"""

from __future__ import annotations

import copy
import difflib
import os
import types
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from mindcast.config import yaml_text
from mindcast.config.frozen import Frozen
from mindcast.config.schema import RunSettings
from mindcast.refusal import Refusal

Tree = dict[str, Any]
Kind = TypeVar("Kind", bound=Frozen)
MOST_BYTES = 1 << 18  # of a settings file
MOST_SHOWN = 200  # characters of a value that is refused


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

    An override below a key that is absent or null makes a group of it. Raises Refusal for a file
    that cannot be read, an unknown key (naming the nearest known one), a wrong type or a value out
    of range.
    """
    path = Path(path)
    tree = read_yaml(path)
    _make_paths_absolute(tree, _project_root(path))
    return changed(tree, find_types, overrides, str(path))


def changed(
    tree: Tree, find_types: FindTypes, overrides: Sequence[str], origin: str
) -> RunSettings:
    """The settings of a tree with `key.path=value` overrides; `origin` names it in a refusal."""
    tree = copy.deepcopy(tree)
    for override in overrides:
        _apply(tree, override)
    return validate(tree, find_types, origin)


def validate(tree: Tree, find_types: FindTypes, origin: str) -> RunSettings:
    """Check a settings tree; `origin` names it in a refusal."""
    model, data = _named(tree, "model", origin), _named(tree, "data", origin)
    try:
        found = find_types(model, data)
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


def of_overrides(settings_type: type[Kind], overrides: Sequence[str]) -> Kind:
    """Settings of any type from `key.path=value` alone, see `load`; all else is as by default."""
    tree: Tree = {}
    for override in overrides:
        _apply(tree, override)
    try:
        return settings_type.model_validate(tree)
    except ValidationError as error:
        raise Refusal(_explain(error, settings_type, "--set")) from None


def to_yaml(settings: RunSettings) -> str:
    """The resolved settings as YAML text that `load` reads back to an equal object."""
    return yaml_text.write(settings.model_dump(mode="json"))


def read_yaml(path: Path) -> Tree:
    """The mapping in a YAML file, see `yaml_text.parse`; Refusal if there is none."""
    text = _read_text(path)
    try:
        tree = yaml_text.parse(text)
    except yaml_text.NotYaml as error:
        line = f", line {error.line}" if error.line else ""
        raise Refusal(f"{path}{line}: {error}; fix the file") from None
    if not isinstance(tree, dict):
        found = "nothing" if tree is None else type(tree).__name__
        raise Refusal(f"{path}: holds {found}, expected a mapping of settings; fix the file")
    return tree


def _read_text(path: Path) -> str:
    remedy = "give an existing YAML file with --cfg"
    try:
        with open(path, "rb") as file:
            content = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise Refusal(f"{path}: {error.strerror}; {remedy}") from None
    if len(content) > MOST_BYTES:
        raise Refusal(f"{path}: holds more than {MOST_BYTES} bytes, no settings file; {remedy}")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Refusal(f"{path}: is not UTF-8 text; {remedy}") from None


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
        else:
            tree[key] = _full_path(key, value, root)


def _full_path(key: str, value: Any, root: Path) -> Any:
    """The value of a key that ends in `_path`, absolute; of one in `_dir` "~" is filled in."""
    if not isinstance(value, str) or not value or not key.endswith(("_path", "_dir")):
        return value
    value = os.path.expanduser(value)
    return os.path.normpath(root / value) if key.endswith("_path") else value


def _apply(tree: Tree, override: str) -> None:
    key, equals, text = override.partition("=")
    keys = key.strip().split(".")
    if not equals or not all(keys):
        raise Refusal(f"--set {override!r}: expected key.path=value, as in runtime.seed=1")
    for inner in keys[:-1]:
        if tree.get(inner) is None:  # null, as a resolved file has it, is as good as absent
            tree[inner] = {}
        if not isinstance(tree[inner], dict):
            raise Refusal(f"--set {override!r}: {inner} is a value, not a group of settings")
        tree = tree[inner]
    try:
        value = yaml_text.parse(text, comments=False)
    except yaml_text.NotYaml as error:
        raise Refusal(f"--set {override!r}: {error}") from None
    if not text.strip():  # "key=" empties a text, "key=null" is none
        value = ""
    tree[keys[-1]] = value
    _make_paths_absolute(tree, Path.cwd())


def _explain(error: ValidationError, settings_type: type[BaseModel], origin: str) -> str:
    first = error.errors()[0]
    location = [str(part) for part in first["loc"]]
    key = ".".join(location)
    if first["type"] == "extra_forbidden":
        return f"{origin}: {_unknown(location, _fields_at(settings_type, location[:-1]))}"
    if first["type"] == "missing":
        return f"{origin}: {key} is missing; add it"
    problem = first["msg"].removeprefix("Value error, ")
    if first["type"] == "string_type" and isinstance(first["input"], int | float):
        problem += ", which quotes make of it"
    if first["type"] == "tuple_type" and isinstance(first["input"], str | int | float):
        problem = f"expected a list, as in [{first['input']}]"
    if first["type"] == "model_type":
        problem = "expected a group of keys, as {} for its defaults"
    if first["type"] == "value_error":
        return f"{origin}: {key}: {problem}"
    return f"{origin}: {key} = {_short(first['input'])}: {problem[0].lower()}{problem[1:]}"


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]} ..."


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
