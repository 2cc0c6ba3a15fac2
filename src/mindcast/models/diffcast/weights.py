"""The names of DiffCast's released weights and of ours.

Our cells carry the reference's attribute names, so a parameter keeps its name. What remains: the
tables of the noise schedule are derived from the settings here, and a backbone may hold more that
is derived or stored twice, see `backbones.weights`.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from mindcast.models import released
from mindcast.models.diffcast.backbones.weights import to_ours_backbone, to_reference_backbone
from mindcast.models.diffcast.settings import DiffCastSettings
from mindcast.models.diffcast.sizes import read_off
from mindcast.models.released import Found, Released, ReleasedNetwork, Shapes
from mindcast.refusal import Refusal

STAGES = ("backbone", "joint")
PREFIX = "backbone_net."
LOSS_WEIGHT = "loss_weight"  # of every noise level, by its signal-to-noise ratio
SCHEDULE = frozenset({*released.SCHEDULE, LOSS_WEIGHT})
# backbone -> beginning of a name that only its weights have; "advection" is ours, never released
TELLTALES = {
    "simvp": "hid.",
    "phydnet": "phycell.",
    "convgru": "forecaster.",
    "earthformer": "initial_encoder.",
}
NAMES = {  # backbone -> one such name
    "simvp": "hid.enc.0.conv1.weight",
    "phydnet": "encoder.encoder_E.c1.main.0.weight",
    "convgru": "forecaster.out_conv1.weight",
    "earthformer": "initial_encoder.conv_block_list.0.0.weight",
}
Weights = Mapping[str, np.ndarray]


def to_ours(stage: str, weights: Weights) -> dict[str, np.ndarray]:
    """A released state dict of `stage` under our parameter names.

    Stage "backbone" takes a backbone's own state dict, or its part of that of a whole model.
    """
    if stage not in STAGES:
        raise Refusal(f"stage: {stage!r}, expected one of {', '.join(STAGES)}; name one of them")
    inner = {n.removeprefix(PREFIX): a for n, a in weights.items() if n.startswith(PREFIX)}
    backbone = _backbone(inner or weights)
    if stage == "backbone":
        return to_ours_backbone(backbone, inner or weights)
    outer = {
        name: array
        for name, array in weights.items()
        if name not in SCHEDULE and not name.startswith(PREFIX)
    }
    ours = to_ours_backbone(backbone, inner)
    return {**outer, **{f"{PREFIX}{name}": array for name, array in ours.items()}}


def _backbone(weights: Weights) -> str:
    """The backbone that weights without prefix belong to; Refusal if it is none of ours."""
    for backbone, beginning in TELLTALES.items():
        if any(name.startswith(beginning) for name in weights):
            return backbone
    known = ", ".join(TELLTALES)
    some = ", ".join(sorted(weights)[:2]) or "nothing"
    raise Refusal(f"weights: {some} ... are of no backbone known here, expected one of {known}")


def to_reference(stage: str, weights: Weights, settings: DiffCastSettings) -> dict[str, np.ndarray]:
    """The inverse of `to_ours`, with the buffers and second names of the reference's state dict."""
    frames, side = settings.context_frames, settings.network_frame
    joint = stage == "joint"
    inner = {
        n.removeprefix(PREFIX): a for n, a in weights.items() if not joint or n.startswith(PREFIX)
    }
    backbone = to_reference_backbone(
        settings.backbone, inner, settings.backbone_settings, frames, side
    )
    if not joint:
        return backbone
    outer = {n: a for n, a in weights.items() if not n.startswith(PREFIX)}
    inner = {f"{PREFIX}{name}": array for name, array in backbone.items()}
    return {**_buffers(settings), **outer, **inner}


def _buffers(settings: DiffCastSettings) -> dict[str, np.ndarray]:
    process = settings.diffusion.process()
    ratio = process.alpha_bar / (1 - process.alpha_bar)
    weight = {"epsilon": np.ones_like(ratio), "x0": ratio, "v": process.alpha_bar}
    tables = released.schedule_buffers(process)
    return {**tables, LOSS_WEIGHT: weight[settings.diffusion.prediction].astype(np.float32)}


def _read_off(stage: str, shapes: Shapes, settings: DiffCastSettings) -> Found:
    inner = shapes.under(PREFIX) if stage == "joint" else shapes
    backbone = _backbone({name: np.empty(0) for name in inner})
    return read_off(backbone, stage, shapes, settings)


RELEASED = Released(
    networks=(
        *(
            ReleasedNetwork(
                "joint",
                ("model.init_conv.weight", f"{PREFIX}{name}"),
                f"diffcast_{backbone}_cfg.yaml",
                parts=("backbone",),
            )
            for backbone, name in NAMES.items()
        ),
        *(
            ReleasedNetwork("backbone", (name,), f"diffcast_{backbone}_cfg.yaml")
            for backbone, name in NAMES.items()
        ),
    ),
    copy="raw",
    beside=(*SCHEDULE,),
    to_ours=to_ours,
    to_reference=to_reference,
    read_off=_read_off,
    buffers=_buffers,
)
