"""A DiffCast small enough for tests."""

from __future__ import annotations

from typing import Any

from mindcast.models.diffcast.settings import DiffCastSettings

CONTEXT, TARGET, FRAME = 2, 6, (8, 8)
SIMVP = {"spatial_channels": 4, "temporal_channels": 4, "temporal_layers": 2, "groups": 1}


def settings_of(**changes: Any) -> DiffCastSettings:
    """2 frames -> 6 frames of 8 x 8 pixels, two levels of 8 channels."""
    tree: dict[str, Any] = {
        "name": "diffcast",
        "frame_size": FRAME,
        "context_frames": CONTEXT,
        "target_frames": TARGET,
        "simvp": {**SIMVP, "branch_kernels": [3]},
        "denoiser": {"dim": 8, "multiples": [1, 2]},
        "diffusion": {"timesteps": 20},
    }
    return DiffCastSettings.model_validate(tree | changes)
