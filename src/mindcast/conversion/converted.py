"""A file of weights as a network of ours: what `--mode convert` takes in."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from mindcast.config.loader import validate
from mindcast.config.schema import RunSettings
from mindcast.conversion.account import account, as_float32, require_complete
from mindcast.conversion.fitting import Fitted, fit, shapes_of
from mindcast.conversion.nesting import state_dicts
from mindcast.conversion.recognise import ALL, Candidate, Recognised, recognise
from mindcast.models import load_spec
from mindcast.models.base import ModelSpec
from mindcast.models.released import Shapes
from mindcast.refusal import Refusal
from mindcast.settings import types_of
from mindcast.training.stored import CONVERTED, INFORMATION, STATE_ONLY, information_of
from mindcast.weights.read import Stored

SHOWN = 12  # settings in one line


@dataclass(frozen=True)
class Choice:
    """What the user chose: the stage ("all": the file's own), "raw" or "ema" (None: the authors'),
    a settings file (None: the published one) and overrides; configs: the folder of those."""

    configs: Path
    stage: str = ALL
    copy: str | None = None
    cfg: Path | None = None
    overrides: tuple[str, ...] = ()


@dataclass(frozen=True)
class Converted:
    """A network: its arrays by our names, and complete settings that fit it.

    information: what a checkpoint says of it beside that. notes: lines on what was decided how.
    """

    spec: ModelSpec
    stage: str
    settings: RunSettings
    arrays: Mapping[str, np.ndarray]
    notes: Sequence[str]
    information: Mapping[str, Any] = field(default_factory=dict)

    def reference(self) -> dict[str, np.ndarray]:
        """The arrays by the reference's names, with all that its state dict holds."""
        settings = self.settings.model
        return self.spec.released.to_reference(self.stage, self.arrays, settings)

    @property
    def is_told_by_names(self) -> bool:
        """Whether a file of bare tensors would be recognised as this network."""
        known = (n for n in self.spec.released.networks if n.stage == self.stage)
        return any(set(network.has) <= self.arrays.keys() for network in known)


def convert(stored: Stored, choice: Choice) -> Converted:
    """The network in a file. Refusal, without the file's name, where it is none that is known."""
    information = _information(stored)
    if information is not None:
        return _own(stored, information, choice)
    return _foreign(stored, choice)


def _foreign(stored: Stored, choice: Choice) -> Converted:
    found = state_dicts(stored.content)
    recognised = recognise(found, choice.stage, choice.copy)
    chosen = recognised.chosen
    ours = chosen.spec.released.to_ours(chosen.stage, recognised.inside)
    source = choice.cfg or choice.configs / chosen.network.configuration
    fitted = fit(recognised, ours, source, choice.overrides)
    model = fitted.settings.model
    expected = expected_shapes(chosen.spec, chosen.stage, model, shapes_of(recognised, ours))
    result = account(recognised, found, ours, expected, model)
    counts = f"{len(result.arrays)} tensors taken, {result.derived} as derived"
    if result.unneeded:
        counts += f", {result.unneeded} not needed"
    notes = [f"network: {chosen}; {counts}", *_of_copies(recognised), *_of_settings(fitted)]
    if result.rounded:
        notes.append(f"rounded to float32: {result.rounded} tensors")
    notes += _of_use(chosen)
    origin = {CONVERTED: {"from": stored.kind, "weights": recognised.copy}}
    return Converted(chosen.spec, chosen.stage, fitted.settings, result.arrays, notes, origin)


def _own(stored: Stored, information: dict[str, Any], choice: Choice) -> Converted:
    """A checkpoint of ours, also of an older version, or what we made of one as safetensors."""
    spec = load_spec(str(information.get("model")))
    stage = str(information.get("stage"))
    if stage not in {*spec.stages, *(n.stage for n in spec.released.networks)}:
        raise Refusal(f"holds {spec.name}/{stage}, no such stage is known; use another copy")
    if STATE_ONLY in information:
        raise Refusal(
            f"holds the state of a training, expected a network; give {stage}_best.ckpt or "
            f"{stage}_last.ckpt"
        )
    if choice.stage not in (ALL, stage):
        raise Refusal(f"holds {spec.name}/{stage}, no stage {choice.stage}; leave out --stage")
    if choice.copy is not None:
        raise Refusal(f"holds one copy of the weights; leave out --weights {choice.copy}")
    if choice.cfg is not None or choice.overrides:
        raise Refusal("holds its settings; leave out --cfg, --set and --seed")
    settings = _settings(information)
    state = {n: a for n, a in stored.content.items() if isinstance(a, np.ndarray)}
    shapes = Shapes({name: tuple(array.shape) for name, array in state.items()})
    expected = expected_shapes(spec, stage, settings.model, shapes)
    arrays = _by_our_names(spec, stage, state, expected, settings.model)
    version = information.get("version", 0)
    notes = [f"network: {spec.name}/{stage}, made by MindCast (checkpoint version {version})"]
    rest = {k: v for k, v in information.items() if k not in ("version", "settings")}
    return Converted(spec, stage, settings, arrays, notes, rest)


def _by_our_names(
    spec: ModelSpec,
    stage: str,
    state: Mapping[str, np.ndarray],
    expected: Mapping[str, tuple[int, ...]],
    model_settings: Any,
) -> dict[str, np.ndarray]:
    """The arrays of the network, out of those by our names or by the reference's.

    Refusal for more than the one or the other has.
    """
    ours, known = dict(state), set(expected)
    if known <= state.keys():
        if any(state[name].shape != shape for name, shape in expected.items()):
            ours = spec.released.to_ours(stage, state)
        taken = {name: ours[name] for name in expected}
        known |= spec.released.to_reference(stage, taken, model_settings).keys()
    require_complete(ours, expected, [n for n in ours if n not in known])
    return {name: as_float32(name, ours[name]) for name in expected}


def expected_shapes(
    spec: ModelSpec, stage: str, model_settings: Any, shapes: Shapes
) -> dict[str, tuple[int, ...]]:
    """The shapes of the network that the settings give, by our names. Loads MindSpore."""
    from mindcast.layers.initialise import without_values

    with without_values():
        if stage in spec.stages or spec.released.build is None:
            network = spec.stages[stage].build_network(model_settings)
        else:
            network = spec.released.build(stage, model_settings, shapes)
    return {p.name: tuple(p.shape) for p in network.get_parameters()}


def _information(stored: Stored) -> dict[str, Any] | None:
    """What our own files say of themselves; None for others."""
    text = stored.content.get(INFORMATION) or stored.metadata.get(INFORMATION)
    if text is None:
        return None
    if not isinstance(text, str):
        raise Refusal("does not say what made it, it was changed; use another copy")
    return information_of(text)


def _settings(information: Mapping[str, Any]) -> RunSettings:
    tree = information.get("settings")
    if not isinstance(tree, dict):
        raise Refusal("holds no settings, expected those of its run; use another copy")
    return validate(tree, types_of, "its settings")


def _of_use(chosen: Candidate) -> list[str]:
    """What it takes to forecast with the network."""
    if chosen.network.remark:
        return [f"note: {chosen.network.remark}"]
    stages = chosen.spec.stages
    needed = [name for name, stage in stages.items() if not stage.optional and name != chosen.stage]
    return [f"forecasts need beside it, in the same folder: {', '.join(needed)}"] if needed else []


def _of_copies(recognised: Recognised) -> list[str]:
    if len(recognised.available) == 1:
        return [f"weights: {recognised.copy}, the only ones"]
    other = next(kind for kind in recognised.available if kind != recognised.copy)
    return [f"weights: {recognised.copy}; --weights {other} takes the others"]


def _of_settings(fitted: Fitted) -> list[str]:
    notes = [f"settings: {fitted.source}"]
    if fitted.read:
        notes.append(f"read off the shapes, other than there: {_listed(fitted.read)}")
    if fitted.assumed:
        notes.append(f"in no shape, as there or by --set: {_listed(fitted.assumed)}")
    return notes


def _listed(keys: Mapping[str, Any]) -> str:
    """Keys of the section "model" with their values."""
    texts = [f"{key} = {json.dumps(value)}" for key, value in keys.items()]
    more = f" and {len(texts) - SHOWN} more" if len(texts) > SHOWN else ""
    return ", ".join(texts[:SHOWN]) + more
