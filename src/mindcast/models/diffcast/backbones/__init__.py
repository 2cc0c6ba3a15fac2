"""The deterministic backbones by name. Imports no MindSpore; `build_backbone` does, when called.

A new backbone: its settings type in `settings.py`, a file with a `Backbone`, and one line in the
table below.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from mindcast.config.frozen import Frozen
from mindcast.models.diffcast.backbones import settings as types
from mindcast.refusal import Refusal

Frame = tuple[int, int]


@dataclass(frozen=True)
class BackboneKind:
    """Where a backbone's cell is defined ("module:class"), its settings and its demands.

    check(settings, context_frames, target_frames, frame): what is wrong with them, or "".
    """

    cell: str
    settings_type: type[Frozen]
    check: Callable[[Any, int, int, Frame], str]


def _check_simvp(settings: types.SimVPSettings, context: int, target: int, frame: Frame) -> str:
    stacked = context * settings.spatial_channels
    if target % context:
        return (
            f"target_frames = {target} is not a multiple of context_frames = {context}, which this "
            "backbone forecasts at a time; choose another horizon or backbone"
        )
    if stacked % settings.branch_groups:
        return (
            f"context_frames x spatial_channels = {stacked} is not divisible by "
            f"groups = {settings.groups}; change one of them"
        )
    return _undivided(frame, settings.factor)


def _check_phydnet(settings: types.PhyDNetSettings, context: int, target: int, frame: Frame) -> str:
    return _undivided(frame, 4)


def _check_convgru(settings: types.ConvGRUSettings, context: int, target: int, frame: Frame) -> str:
    return _undivided(frame, settings.factor)


def _check_advection(
    settings: types.AdvectionSettings, context: int, target: int, frame: Frame
) -> str:
    pool = settings.events.pool
    if settings.loss == "events" and pool > min(frame):
        return (
            f"events.pool = {pool} is wider than frames of {frame[0]} x {frame[1]} cells; choose "
            "smaller blocks, or 1 for none"
        )
    return _undivided(frame, settings.factor)


def _check_earthformer(
    settings: types.EarthformerSettings, context: int, target: int, frame: Frame
) -> str:
    return ""  # patch merging pads what it cannot divide


BACKBONES: dict[str, BackboneKind] = {
    "simvp": BackboneKind("simvp:SimVP", types.SimVPSettings, _check_simvp),
    "phydnet": BackboneKind("phydnet:PhyDNet", types.PhyDNetSettings, _check_phydnet),
    "convgru": BackboneKind("convgru:ConvGRU", types.ConvGRUSettings, _check_convgru),
    "earthformer": BackboneKind(
        "earthformer:Earthformer", types.EarthformerSettings, _check_earthformer
    ),
    "advection": BackboneKind("advection:Advection", types.AdvectionSettings, _check_advection),
}


def check_backbone(
    name: str, settings: Frozen, context_frames: int, target_frames: int, frame: Frame
) -> None:
    """Refusal if the backbone `name` cannot forecast frames of that number and size (H, W)."""
    kind = backbone_kind(name)
    if not isinstance(settings, kind.settings_type):
        raise TypeError(f"{name} takes {kind.settings_type.__name__}, got {type(settings)}")
    if context_frames < 1 or target_frames < 1:
        raise Refusal(
            f"{context_frames=}, {target_frames=}: both must be at least 1; raise the smaller one"
        )
    complaint = kind.check(settings, context_frames, target_frames, frame)
    if complaint:
        raise Refusal(f"backbone {name}: {complaint}")


def backbone_kind(name: str) -> BackboneKind:
    """The table's row; Refusal lists the names."""
    if name not in BACKBONES:
        names = ", ".join(BACKBONES)
        raise Refusal(f"backbone: {name!r}, expected one of {names}; choose one of these names")
    return BACKBONES[name]


def build_backbone(
    name: str,
    settings: Frozen,
    context_frames: int,
    target_frames: int,
    frame: Frame,
    channels: int = 1,
) -> Any:
    """The `Backbone` cell of that name with fresh weights; refuses what `check_backbone` does."""
    check_backbone(name, settings, context_frames, target_frames, frame)
    module, _, cell = backbone_kind(name).cell.partition(":")
    cell_type = getattr(import_module(f"{__name__}.{module}"), cell)
    return cell_type(settings, context_frames, target_frames, frame, channels)


def _undivided(frame: Frame, factor: int) -> str:
    if frame[0] % factor or frame[1] % factor:
        return (
            f"frames of {frame[0]} x {frame[1]} are not divisible by {factor}, the reduction of "
            "its encoder; choose another frame size"
        )
    return ""
