"""Trained networks: where their checkpoints lie, and the networks themselves, frozen.

The places are known without MindSpore, so a missing checkpoint is refused at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mindcast.config.schema import RunSettings
from mindcast.models.base import ModelSpec
from mindcast.refusal import Refusal
from mindcast.runtime.run_folder import network_path
from mindcast.training import origin, stored

if TYPE_CHECKING:
    from mindspore import nn


def checkpoint_files(
    spec: ModelSpec,
    settings: RunSettings,
    stages: Iterable[str],
    run: Path,
    began_with: bool = False,
) -> dict[str, Path]:
    """The checkpoint of every stage: the one that `ckpt_path` names, else the best one beside it.

    Without `ckpt_path` the best ones of the run folder `run`; see `files_in`. began_with:
    `ckpt_path` is what the run's training began with, so what it holds itself comes first. An
    optional stage may be missing, unless its last network shows that it was trained; Refusal for
    any other.
    """
    made = files_in(run / "checkpoints", spec, stages) if began_with else {}
    if not made:
        return _named_files(spec, settings, tuple(stages), run)
    rest = tuple(stage for stage in stages if stage not in made)
    for stage in rest:
        _check_not_lost(run / "checkpoints", stage)
    found = made | (_named_files(spec, settings, rest, run) if rest else {})
    return {stage: found[stage] for stage in stages if stage in found}


def _named_files(
    spec: ModelSpec, settings: RunSettings, stages: Sequence[str], run: Path
) -> dict[str, Path]:
    """Those that `ckpt_path` names, else the run's."""
    named = Path(settings.ckpt_path) if settings.ckpt_path else None
    folder = _folder(named, run)
    own = _stage(named, spec) if named is not None and named.is_file() else None
    files = files_in(folder, spec, [stage for stage in stages if stage != own])
    if named is not None and own is not None and own in stages:
        files[own] = named
    for stage in stages:
        if stage not in files:
            _check_may_be_missing(folder, spec, stage)
    return {stage: files[stage] for stage in stages if stage in files}


def files_in(folder: Path, spec: ModelSpec, stages: Iterable[str]) -> dict[str, Path]:
    """The checkpoints of stages of a model in a folder, as far as there are any.

    Of a stage the best one or, without that, the one of a free name that says inside that it is of
    the stage; Refusal where several say so.
    """
    said = _by_stage(folder, spec)
    files = {}
    for stage in stages:
        path = network_path(folder, stage, "best")
        if path.exists():
            files[stage] = path
        elif stage in said:
            files[stage] = _only(said[stage], stage)
    return files


def _check_may_be_missing(folder: Path, spec: ModelSpec, stage: str) -> None:
    _check_not_lost(folder, stage)
    if not spec.stages[stage].optional:
        path = network_path(folder, stage, "best")
        raise Refusal(f"{path}: no such checkpoint; train the stage first or fix ckpt_path")


def _check_not_lost(folder: Path, stage: str) -> None:
    """Refusal where the stage was trained, as its last network shows, and the best one is gone."""
    path, last = (network_path(folder, stage, which) for which in ("best", "last"))
    if last.exists():
        raise Refusal(
            f"{path}: no such checkpoint, though {last.name} is there; put it back, or set "
            f"ckpt_path={last}"
        )


def require_fitting(spec: ModelSpec, settings: RunSettings, files: Mapping[str, Path]) -> None:
    """Refusal for a checkpoint of another stage, or made by other settings: before MindSpore is
    loaded, and from what it says of itself alone."""
    for stage, path in files.items():
        information = stored.read_information(path)
        stored.require_network(path, information, spec.name, stage)
        origin.check_origin(path, origin.settings_in(information), spec, settings, stage)


def load_frozen(
    spec: ModelSpec, settings: RunSettings, files: Mapping[str, Path]
) -> dict[str, nn.Cell]:
    """The networks of some stages, frozen and in evaluation mode; see `load_all`."""
    return load_all(spec, settings, files)[0]


def load_all(
    spec: ModelSpec, settings: RunSettings, files: Mapping[str, Path]
) -> tuple[dict[str, nn.Cell], dict[str, dict[str, Any]]]:
    """The networks of some stages, with the information of their checkpoints.

    Refusal for one that was made by other settings, see `origin.check_origin`; a warning on
    standard error for one that was trained on another data set.
    """
    networks, information = {}, {}
    for stage, path in files.items():
        networks[stage], information[stage] = load_one(spec, settings, stage, path)
    trees = [origin.settings_in(about) for about in information.values()]
    origin.warn_of_other_data(trees, settings)
    return networks, information


def load_one(
    spec: ModelSpec, settings: RunSettings, stage: str, path: Path
) -> tuple[nn.Cell, dict[str, Any]]:
    """One stage's network, frozen, with the information of its checkpoint.

    Its products are those of `runtime.precision`, whatever it was trained in.
    """
    from mindcast.layers.precision import lower
    from mindcast.training import checkpoint

    def check(information: Mapping[str, Any]) -> None:
        origin.check_origin(path, origin.settings_in(information), spec, settings, stage)

    network = spec.stages[stage].build_network(settings.model)
    information = checkpoint.load_network(path, network, spec.name, stage, check)
    for parameter in network.get_parameters():
        parameter.requires_grad = False
    network.set_train(False)
    lower(network, settings.runtime.precision)
    return network, {**information, "path": str(path)}


def _folder(named: Path | None, run: Path) -> Path:
    """The folder of the checkpoints."""
    if named is None:
        return run / "checkpoints"
    if named.is_dir():
        inner = named / "checkpoints"
        return inner if inner.is_dir() else named
    if not named.is_file():
        raise Refusal(f"ckpt_path = {named}: no such file or folder; give a checkpoint or a run")
    return named.parent


def _stage(named: Path, spec: ModelSpec) -> str:
    """The stage that a checkpoint's file name begins with, else the one that it says it is of."""
    for stage in spec.stages:
        if named.name.startswith(f"{stage}_"):
            return stage
    said = _said(named)
    if said is not None and said[0] == spec.name and said[1] in spec.stages:
        return said[1]
    known = ", ".join(f"{stage}_..." for stage in spec.stages)
    raise Refusal(f"ckpt_path = {named}: its stage is unknown, expected a name like {known}")


def _by_stage(folder: Path, spec: ModelSpec) -> dict[str, list[Path]]:
    """The networks of the model among the checkpoints of a folder whose names do not say a stage,
    by the stage that they say inside."""
    found: dict[str, list[Path]] = {}
    for path in sorted(folder.glob("*.ckpt")):
        if path.name.startswith(tuple(f"{stage}_" for stage in spec.stages)):
            continue
        said = _said(path)
        if said is not None and said[0] == spec.name:
            found.setdefault(said[1], []).append(path)
    return found


def _said(path: Path) -> tuple[str, str] | None:
    """(model, stage) of a checkpoint of a network; None for other files."""
    with suppress(Refusal):
        _, information = stored.read(path)
        if stored.STATE_ONLY not in information:
            return str(information.get("model")), str(information.get("stage"))
    return None


def _only(paths: list[Path], stage: str) -> Path:
    if len(paths) > 1:
        names = ", ".join(path.name for path in paths)
        raise Refusal(
            f"{paths[0].parent}: several checkpoints are of the stage {stage} ({names}); call "
            f"the one to use {stage}_best.ckpt"
        )
    return paths[0]
