"""A trained model where it lies: a run folder, or checkpoints alone, which hold their settings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mindcast.config.schema import RunSettings
from mindcast.models import MODELS, load_spec
from mindcast.models.base import ModelSpec
from mindcast.refusal import Refusal
from mindcast.runtime.run_folder import network_path, newest_config
from mindcast.settings import load_settings, settings_of_tree
from mindcast.training import stored
from mindcast.training.networks import checkpoint_files, files_in, require_fitting
from mindcast.training.origin import settings_in

GIVE_CFG = "give the settings file of the run that made it with --cfg"


@dataclass(frozen=True)
class Trained:
    """A model, the settings to use it with, and the checkpoint of each of its stages."""

    spec: ModelSpec
    settings: RunSettings
    files: dict[str, Path]


def trained(settings: RunSettings, run: Path | None = None, began_with: bool = False) -> Trained:
    """The model of `settings`, its checkpoints those of `ckpt_path`, else the best ones of a run.

    began_with: see `checkpoint_files`. Refusal where one is missing or does not fit.
    """
    spec = load_spec(settings.model.name)
    began_with = began_with and run is not None
    files = checkpoint_files(spec, settings, spec.stages, run or Path(), began_with)
    require_fitting(spec, settings, files)
    return Trained(spec, settings, files)


def find_trained(place: str | Path, overrides: Sequence[str] = ()) -> Trained:
    """The model in a run folder, in a folder of checkpoints, or in one checkpoint.

    overrides: `key.path=value`. Refusal where there is none, or where it needs a settings file.
    """
    path = Path(place).expanduser()
    config = newest_config(path) if path.is_dir() else None
    if config is not None:
        keys = (text.partition("=")[0].strip() for text in overrides)
        return trained(load_settings(config, overrides), path, "ckpt_path" not in keys)
    return trained(settings_in_checkpoint(path, overrides))


def settings_in_checkpoint(place: Path, overrides: Sequence[str] = ()) -> RunSettings:
    """The settings that a checkpoint, or the deciding one of a folder, was made with.

    Their `ckpt_path` is `place`. Refusal where it holds none that this version understands.
    """
    file = place if place.is_file() else _deciding(place)
    information = _information(file)
    tree = dict(settings_in(information))
    if not tree:
        raise Refusal(f"{file}: does not hold the settings that made it; {GIVE_CFG}")
    tree["ckpt_path"] = str(place.absolute())
    try:
        settings = settings_of_tree(tree, "its settings")
    except Refusal as refusal:
        raise Refusal(f"{file}: is of another version ({refusal}); {GIVE_CFG}") from None
    return settings_of_tree(tree, f"settings in {file}", overrides) if overrides else settings


def _deciding(folder: Path) -> Path:
    """Of the checkpoints in a folder that of the stage which depends on the most settings."""
    if not folder.exists():
        raise Refusal(f"ckpt_path = {folder}: no such file or folder; give a checkpoint or a run")
    inner = folder / "checkpoints"
    folder = inner if inner.is_dir() else folder
    specs = [load_spec(model) for model in MODELS]
    there = {spec.name: files_in(folder, spec, spec.stages) for spec in specs}
    files = [path for found in there.values() for path in found.values()]
    if not files:
        names = dict.fromkeys(stage for spec in specs for stage in spec.stages)
        known = ", ".join(network_path(folder, name, "best").name for name in names)
        raise Refusal(f"ckpt_path = {folder}: holds none of {known}; give a checkpoint or a run")
    smallest = min(files, key=lambda path: path.stat().st_size)
    spec = load_spec(str(_information(smallest)["model"]))
    return there[spec.name][_widest(spec, there[spec.name])]


def _widest(spec: ModelSpec, there: Mapping[str, Path]) -> str:
    """The stage of those there that is bound to most of the model, the last of those."""
    settings = spec.settings_type.model_validate({"name": spec.name})
    keys = [f"{key}." for key in _keys(settings.model_dump())]

    def bound(stage: str) -> int:
        names = spec.stages[stage].bound_to(settings)
        return sum(any(key.startswith(f"{name}.") for name in names) for key in keys)

    return max(reversed(list(there)), key=bound)


def _keys(tree: Mapping[str, Any], above: str = "") -> Iterator[str]:
    """The full paths of all values in a tree."""
    for name, value in tree.items():
        if isinstance(value, Mapping):
            yield from _keys(value, f"{above}{name}.")
        else:
            yield f"{above}{name}"


def _information(file: Path) -> dict[str, Any]:
    """What a network's checkpoint says of itself; Refusal for one of no model of ours."""
    _, information = stored.read(file)
    if information.get("model") not in MODELS:
        found = information.get("model")
        raise Refusal(f"{file}: holds the model {found!r}, expected one of {', '.join(MODELS)}")
    if stored.STATE_ONLY in information:
        stage = information.get("stage")
        raise Refusal(
            f"{file}: holds the state of a training, expected a network; give {stage}_best.ckpt or "
            f"{stage}_last.ckpt"
        )
    return information
