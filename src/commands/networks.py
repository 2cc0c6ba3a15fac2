"""Trained networks from checkpoints, frozen, and where to look for them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from mindspore import nn

from src.config.schema import RunSettings
from src.models.base import ModelSpec
from src.refusal import Refusal
from src.training import checkpoint


def checkpoint_folder(settings: RunSettings, run: Path) -> Path:
    """The folder that holds the checkpoints to use: that of `ckpt_path`, else the run's own."""
    if not settings.ckpt_path:
        return run / "checkpoints"
    path = Path(settings.ckpt_path)
    if path.is_dir():
        inner = path / "checkpoints"
        return inner if inner.is_dir() else path
    if not path.is_file():
        raise Refusal(f"ckpt_path = {path}: no such file or folder; give a checkpoint or a run")
    return path.parent


def load_frozen(
    spec: ModelSpec, settings: RunSettings, stages: Iterable[str], folder: Path
) -> dict[str, nn.Cell]:
    """The best networks of some stages, frozen and in evaluation mode."""
    return {stage: load_one(spec, settings, stage, folder)[0] for stage in stages}


def load_one(
    spec: ModelSpec, settings: RunSettings, stage: str, folder: Path
) -> tuple[nn.Cell, dict[str, Any]]:
    """One stage's network with the information of its checkpoint.

    It is the best one in `folder`, or the file that `ckpt_path` names if it is of this stage.
    """
    path = checkpoint.network_path(folder, stage, "best")
    named = Path(settings.ckpt_path) if settings.ckpt_path else None
    if named is not None and named.is_file() and named.name.startswith(f"{stage}_"):
        path = named
    network = spec.stages[stage].build_network(settings.model)
    information = checkpoint.load_network(path, network)
    if information["model"] != spec.name or information["stage"] != stage:
        found = f"{information['model']}/{information['stage']}"
        raise Refusal(f"{path}: holds {found}, expected {spec.name}/{stage}; mend ckpt_path")
    for parameter in network.get_parameters():
        parameter.requires_grad = False
    network.set_train(False)
    return network, {**information, "path": str(path)}
