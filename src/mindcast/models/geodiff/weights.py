"""The public trainer's checkpoint, and the names of its weights and of ours.

That checkpoint is one dict with `step`, `model`, `ema` and `scaler`; `model` and `ema` are state
dicts of the whole diffusion object. Our cells carry the reference's attribute names and shapes, so
a parameter keeps both. What remains to do: the network's entries stand under `denoise_fn.` there,
and what is derived here (rotary frequencies, the buffers of the diffusion) is dropped after a look.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np

from mindcast.diffusion.process import DiffusionProcess
from mindcast.models.base import late
from mindcast.models.geodiff.positions import rotary_frequencies
from mindcast.models.geodiff.settings import DiffusionSettings, GeoDiffSettings
from mindcast.models.geodiff.sizes import NETWORKS, read_off
from mindcast.models.released import (
    SCHEDULE,
    Released,
    ReleasedNetwork,
    Shapes,
    schedule_buffers,
)
from mindcast.refusal import Refusal

FREQUENCIES = "rotary_emb.freqs"
NETWORK = "denoise_fn."
STAGES = {"unet": "", "diffusion": NETWORK}  # stage -> what stands before the network's names
BUFFERS = {  # theirs -> ours
    "betas": "beta",
    "alphas_cumprod": "alpha_bar",
    "posterior_variance": "posterior_variance",
    "posterior_mean_coef1": "posterior_x0_coefficient",
    "posterior_mean_coef2": "posterior_x_coefficient",
}
BUFFER_TOLERANCE = 1e-5
MOST_ROTATED = 32  # features of a head that turn with the level
CONFIGURATION = "geodiff_cfg.yaml"
TABLE = "time_rel_pos_bias.relative_attention_bias.weight"
NULL_CONDITION = "null_cond_emb"
STATISTICS = "residual_statistics.sigma"


def to_ours(stage: str, weights: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Released weights under our names: a trainer's checkpoint (its averages are preferred), a
    state dict of the diffusion object, or one of its network.

    Refusal for an unknown stage, or if the copies of the rotary frequencies differ; a warning if
    the buffers are not those of the public schedule.
    """
    if stage not in STAGES:
        known = ", ".join(STAGES)
        raise Refusal(f"stage: {stage!r}, expected one of {known}; name one of them")
    weights = state_dict(weights)
    _require_one_array([array for name, array in weights.items() if name.endswith(FREQUENCIES)])
    whole = any(name.startswith(NETWORK) for name in weights)
    if whole and "betas" in weights:
        _compare_buffers(weights)
    learned = {
        name.removeprefix(NETWORK): array
        for name, array in weights.items()
        if not name.endswith(FREQUENCIES) and (not whole or name.startswith(NETWORK))
    }
    return {STAGES[stage] + name: array for name, array in learned.items()}


def state_dict(checkpoint: Mapping[str, Any]) -> Mapping[str, np.ndarray]:
    """The averaged weights of a trainer's checkpoint, else its weights, else what was given."""
    for kind in ("ema", "model"):
        if isinstance(checkpoint.get(kind), Mapping):
            return checkpoint[kind]
    return checkpoint


def _require_one_array(copies: list[np.ndarray]) -> None:
    for other in copies[1:]:
        if not np.array_equal(copies[0], other):
            raise Refusal(
                f"the {len(copies)} entries {FREQUENCIES} differ, expected one array; "
                "the checkpoint is not one of this network"
            )


def _compare_buffers(weights: Mapping[str, np.ndarray]) -> None:
    process: DiffusionProcess = DiffusionSettings(timesteps=len(weights["betas"])).process()
    for theirs, ours in BUFFERS.items():
        expected = getattr(process, ours)
        if theirs in weights and not np.allclose(
            weights[theirs], expected, rtol=BUFFER_TOLERANCE, atol=1e-8
        ):
            warnings.warn(
                f"{theirs} of the checkpoint is not that of the public cosine schedule with "
                f"{len(expected)} steps; sample with the schedule that it was trained with",
                stacklevel=3,
            )


def to_reference(
    stage: str, weights: Mapping[str, np.ndarray], settings: GeoDiffSettings
) -> dict[str, np.ndarray]:
    """The inverse of `to_ours`: a state dict of the network ("unet") or, with the buffers of the
    diffusion, of the diffusion object.

    What the public code does not have, the statistics and priors and the whole of the
    deterministic network, keeps our names.
    """
    reference = dict(weights)
    for section, (prefix, _) in NETWORKS[stage].items():
        size = getattr(settings, section).head_size
        frequencies = rotary_frequencies(min(MOST_ROTATED, size)).astype(np.float32)
        for name in weights:
            if name.startswith(prefix) and _turns(name.removeprefix(prefix)):
                reference[name.removesuffix("to_qkv.weight") + FREQUENCIES] = frequencies
    if stage in ("diffusion", "joint"):
        reference |= _buffers(settings)
    return reference


def _turns(name: str) -> bool:
    """Whether a parameter is one of attention over levels, which has rotary positions."""
    return name.endswith("fn.fn.fn.to_qkv.weight") and not name.startswith("mid_spatial_attn.")


def _to_ours(stage: str, weights: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The same for every stage, of a state dict whose names are those of the stage already."""
    return {n: a for n, a in weights.items() if not n.endswith(FREQUENCIES) and n not in SCHEDULE}


def _buffers(settings: GeoDiffSettings) -> dict[str, np.ndarray]:
    return schedule_buffers(settings.diffusion.process())


def _build(stage: str, settings: GeoDiffSettings, shapes: Shapes) -> object:
    """The public network, which is none of our stages."""
    into, out = shapes.size("init_conv.weight", 1), shapes.size("final_conv.1.weight", 0)
    width = shapes.size(NULL_CONDITION, 1) if NULL_CONDITION in shapes else 0
    levels = np.arange(len(settings.levels_hpa))
    network = late("mindcast.models.geodiff.unet3d")("UNet3d")
    return network(settings.denoiser, into, out, levels, True, width)


PUBLIC = (
    "the public network sees no coarse field and holds no statistics, so it makes no forecasts; "
    "mindcast.models.geodiff.public_diffusion samples with it"
)
RELEASED = Released(
    networks=(
        ReleasedNetwork(
            "joint",
            (STATISTICS, f"primary.{TABLE}"),
            CONFIGURATION,
            parts=("deterministic", "diffusion", "unet"),
        ),
        ReleasedNetwork(
            "diffusion", (STATISTICS, f"{NETWORK}{TABLE}"), CONFIGURATION, parts=("unet",)
        ),
        ReleasedNetwork(
            "deterministic", ("primary_statistics.mean", f"primary.{TABLE}"), CONFIGURATION
        ),
        ReleasedNetwork("unet", (TABLE, "time_mlp.1.weight"), CONFIGURATION, remark=PUBLIC),
    ),
    copy="ema",
    beside=(*SCHEDULE,),
    to_ours=_to_ours,
    to_reference=to_reference,
    read_off=read_off,
    buffers=_buffers,
    build=_build,
)
