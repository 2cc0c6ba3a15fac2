"""The names of DiffCast's released weights and of ours.

Our cells carry the reference's attribute names, so a parameter keeps its name. What remains: the
tables of the noise schedule are derived from the settings here, and a backbone may hold more that
is derived or stored twice, see `backbones.weights`.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from mindcast.models.diffcast.backbones.weights import to_ours_backbone
from mindcast.refusal import Refusal

STAGES = ("backbone", "joint")
PREFIX = "backbone_net."
SCHEDULE = frozenset(
    {
        "betas",
        "alphas_cumprod",
        "alphas_cumprod_prev",
        "sqrt_alphas_cumprod",
        "sqrt_one_minus_alphas_cumprod",
        "log_one_minus_alphas_cumprod",
        "sqrt_recip_alphas_cumprod",
        "sqrt_recipm1_alphas_cumprod",
        "posterior_variance",
        "posterior_log_variance_clipped",
        "posterior_mean_coef1",
        "posterior_mean_coef2",
        "loss_weight",
    }
)
# backbone -> beginning of a name that only its weights have; "advection" is ours, never released
TELLTALES = {
    "simvp": "hid.",
    "phydnet": "phycell.",
    "convgru": "forecaster.",
    "earthformer": "initial_encoder.",
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
