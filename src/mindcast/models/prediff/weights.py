"""The names and shapes of PreDiff's released weights and of ours.

Our cells carry the reference's attribute names, so a parameter keeps its name. What remains:
buffers that our networks derive from their settings are dropped, and the 1-D convolutions of the
alignment network's read-out, (out, in, 1), are linear maps (out, in) here.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from mindcast.refusal import Refusal

STAGES = ("vae", "diffusion", "alignment", "discriminator")
DERIVED = ("relative_position_index", "num_batches_tracked")
POINTWISE = {"alignment": ("out.2.qkv_proj.weight", "out.2.c_proj.weight")}


def to_ours(stage: str, weights: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """A released state dict of `stage` under our parameter names and in our shapes."""
    pointwise = _pointwise(stage)
    ours = {}
    for name, array in weights.items():
        if name.rpartition(".")[2] in DERIVED:
            continue
        if name in pointwise and array.ndim == 3 and array.shape[2] == 1:
            array = array[:, :, 0]
        ours[name] = array
    return ours


def to_reference(stage: str, weights: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The inverse of `to_ours`, without the derived buffers."""
    pointwise = _pointwise(stage)
    return {
        name: array[:, :, None] if name in pointwise else array for name, array in weights.items()
    }


def _pointwise(stage: str) -> tuple[str, ...]:
    if stage not in STAGES:
        raise Refusal(f"stage: {stage!r}, expected one of {', '.join(STAGES)}; name one of them")
    return POINTWISE.get(stage, ())
