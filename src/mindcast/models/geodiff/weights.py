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
from mindcast.models.geodiff.settings import DiffusionSettings
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
