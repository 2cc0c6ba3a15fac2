"""The names of the public checkpoint and ours (spec of the public trainer: one pickled dict).

Our cells carry the reference's attribute names and shapes, so a parameter keeps both. What remains
to do: the network's entries stand under `denoise_fn.` there, and what our networks derive from
their settings (rotary frequencies, diffusion buffers) is dropped.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from src.refusal import Refusal

FREQUENCIES = "rotary_emb.freqs"
NETWORK = "denoise_fn."
STAGES = {"unet": "", "diffusion": NETWORK}  # stage -> what stands before the network's names


def to_ours(stage: str, weights: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """A released state dict, of the whole diffusion object or of its network, under our names.

    Refusal for an unknown stage, or if the copies of the rotary frequencies differ.
    """
    if stage not in STAGES:
        known = ", ".join(STAGES)
        raise Refusal(f"stage: {stage!r}, expected one of {known}; name one of them")
    _require_one_array([array for name, array in weights.items() if name.endswith(FREQUENCIES)])
    whole = any(name.startswith(NETWORK) for name in weights)
    learned = {
        name.removeprefix(NETWORK): array
        for name, array in weights.items()
        if not name.endswith(FREQUENCIES) and (not whole or name.startswith(NETWORK))
    }
    return {STAGES[stage] + name: array for name, array in learned.items()}


def _require_one_array(copies: list[np.ndarray]) -> None:
    for other in copies[1:]:
        if not np.array_equal(copies[0], other):
            raise Refusal(
                f"the {len(copies)} entries {FREQUENCIES} differ, expected one array; "
                "the checkpoint is not one of this network"
            )
