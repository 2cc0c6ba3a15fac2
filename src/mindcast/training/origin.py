"""Whether the settings in use are those that gave the weights of a checkpoint their meaning."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from mindcast.config.frozen import Frozen
from mindcast.config.marks import FREE, Difference, Tree, differences, meaning_of, without
from mindcast.config.schema import RunSettings
from mindcast.data import DATASETS
from mindcast.models.base import ModelSpec
from mindcast.refusal import Refusal


def settings_in(information: Mapping[str, Any]) -> Mapping[str, Any]:
    """The settings that a checkpoint holds, a tree; empty where it holds none."""
    settings = information.get("settings")
    return settings if isinstance(settings, dict) else {}


def check_origin(
    path: Path, stored: Mapping[str, Any], spec: ModelSpec, settings: RunSettings, stage: str
) -> None:
    """Refusal where a key that the stage's weights are bound to differs, naming both values.

    stored: the settings that the checkpoint `path` holds; a section that is missing, or a key that
    they do not know, is not compared. Data sets are compared where they bear the same name.
    """
    wanted = tuple(spec.stages[stage].bound_to(settings.model))
    found = [d for d in _of_model(stored, settings) if _is_within(d.key, wanted)]
    found += _of_data(stored, settings)
    if found:
        raise Refusal(f"{path}: {_explained(found)}")


def warn_of_other_data(stored: Iterable[Mapping[str, Any]], settings: RunSettings) -> None:
    """One line on standard error for each other data set that weights in use were trained on."""
    for name, meaning in sorted(set(_other_data(stored, settings))):
        print(
            f"mindcast: warning: trained on data.name = {name} ({meaning}), used on "
            f"{settings.data.name} ({settings.data.meaning})",
            file=sys.stderr,
            flush=True,
        )


def _other_data(
    stored: Iterable[Mapping[str, Any]], settings: RunSettings
) -> Iterator[tuple[str, str]]:
    for tree in stored:
        data = tree.get("data", {})
        name = data.get("name", settings.data.name)
        if name != settings.data.name:
            known = _understood(DATASETS[name].settings_type, data) if name in DATASETS else None
            yield name, getattr(known, "meaning", "a set that is not known here")


def _of_model(stored: Mapping[str, Any], settings: RunSettings) -> Iterator[Difference]:
    before = _current(type(settings.model), stored.get("model", {}))
    yield from differences(before, without(settings.model, FREE), "model")


def _of_data(stored: Mapping[str, Any], settings: RunSettings) -> Iterator[Difference]:
    data = stored.get("data", {})
    if data.get("name") == settings.data.name:
        before = _current(type(settings.data), data)
        yield from differences(before, meaning_of(settings.data, before), "data")


def _current(settings_type: type[Frozen], tree: Tree) -> Tree:
    """A stored section with today's keys; as it is where this version would not accept it."""
    known = _understood(settings_type, tree)
    return tree if known is None else known.model_dump(mode="json")


def _understood(settings_type: type[Frozen], tree: Tree) -> Frozen | None:
    try:
        return settings_type.model_validate(tree)
    except ValidationError:
        return None


def _is_within(key: str, names: tuple[str, ...]) -> bool:
    return any(f"{key}.".startswith(f"model.{name}.") for name in names)


def _explained(found: list[Difference]) -> str:
    first, *others = found
    also = f" (and {', '.join(d.key for d in others)})" if others else ""
    setting = shlex.quote(f"{first.key}={_text(first.before)}")
    return (
        f"was made with {first.key} = {_text(first.before)}, not {_text(first.now)}{also}; "
        f"use the config.yaml of the run that made it, or --set {setting}"
    )


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
