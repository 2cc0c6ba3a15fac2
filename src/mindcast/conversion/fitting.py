"""The settings of a run for weights from elsewhere: as published, but for what the shapes say."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mindcast.config.marks import FREE, without
from mindcast.config.schema import RunSettings
from mindcast.conversion.recognise import Recognised
from mindcast.models.released import Shapes
from mindcast.refusal import Refusal
from mindcast.settings import load_settings

STEPS = "diffusion.timesteps"
Keys = dict[str, Any]


@dataclass(frozen=True)
class Fitted:
    """Complete settings that fit weights.

    source: the file that they come from. read: keys of the model that are other than there, because
    of the shapes. assumed: those that the weights' meaning depends on and that no shape tells.
    """

    settings: RunSettings
    source: Path
    read: Keys
    assumed: Keys


def fit(
    recognised: Recognised, ours: Mapping[str, np.ndarray], source: Path, overrides: Sequence[str]
) -> Fitted:
    """The settings in `source` with the `overrides` of the user, but for what the shapes say.

    ours: the network's arrays under our names. Refusal where the settings are of another model,
    where an override contradicts the shapes, or where no settings give such shapes.
    """
    chosen = recognised.chosen
    published = load_settings(source, overrides)
    if published.model.name != chosen.spec.name:
        raise Refusal(
            f"holds {chosen.spec.name}, {source} is for {published.model.name}; give its own --cfg"
        )
    shapes = shapes_of(recognised, ours)
    released = chosen.spec.released
    found = released.read_off(chosen.stage, shapes, published.model)
    texts = [f"model.{key}={json.dumps(value)}" for key, value in found.items()]
    if found.get(STEPS, published.sampling.steps) < published.sampling.steps:
        texts.append(f"sampling.steps={found[STEPS]}")  # at most as many as there are noise levels
    settings = load_settings(source, [*overrides, *texts])
    before, now = _values(published), _values(settings)
    if overrides:
        _require_agreement(_values(load_settings(source)), before, now)
    read = {key: value for key, value in now.items() if before.get(key) != value}
    bound, meaning = _bound(recognised, settings), without(settings.model, FREE)
    assumed = {k: v for k, v in _leaves(meaning) if k not in found and _is_within(k, bound)}
    return Fitted(settings, source, read, assumed)


def shapes_of(recognised: Recognised, ours: Mapping[str, np.ndarray]) -> Shapes:
    """The shapes of the arrays, under the names of the file and under ours."""
    named = {**recognised.beside, **recognised.inside, **ours}
    return Shapes({name: tuple(array.shape) for name, array in named.items()})


def _values(settings: RunSettings) -> Keys:
    return dict(_leaves(settings.model.model_dump(mode="json")))


def _require_agreement(published: Keys, wanted: Keys, read: Keys) -> None:
    """Refusal of a key that the user has changed and the shapes give another value."""
    for key, value in wanted.items():
        if published.get(key) != value and read.get(key) != value:
            raise Refusal(
                f"--set gives model.{key} = {json.dumps(value)}, the shapes of the weights give "
                f"{json.dumps(read.get(key))}; leave it out"
            )


def _bound(recognised: Recognised, settings: RunSettings) -> tuple[str, ...]:
    stage = recognised.chosen.spec.stages.get(recognised.chosen.stage)
    return () if stage is None else tuple(stage.bound_to(settings.model))


def _is_within(key: str, names: tuple[str, ...]) -> bool:
    return any(f"{key}.".startswith(f"{name}.") for name in names)


def _leaves(tree: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in tree.items():
        key = f"{path}.{name}".lstrip(".")
        if isinstance(value, Mapping):
            yield from _leaves(value, key)
        else:
            yield key, value
