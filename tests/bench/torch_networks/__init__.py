"""The networks of MindCast once more, in eager PyTorch, to be measured beside ours.

Written from our own description (the settings, the specification and `mindcast.layers`), as one
who knows PyTorch would: its fused functions where there are any, no compilation. Parameters have
our names, so that our weights can be loaded; shapes may differ by axes of length 1. Run by the
Python of another environment: nothing here may import MindSpore, pydantic or the like.

Written out for what the released configurations use (axial cuboids, zero padding, GELU, transposed
convolutions); other settings are not built.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

NETWORKS = {
    "prediff_denoiser": "prediff_denoiser",
    "prediff_autoencoder": "prediff_autoencoder",
    "prediff_alignment": "prediff_alignment",
    "diffcast_denoiser": "diffcast_denoiser",
    "geodiff_unet": "geodiff_unet",
}


def build(name: str, settings: dict[str, Any]) -> Any:
    """The network of that name (a `torch.nn.Module`) from the settings of its model."""
    return import_module(f"{__name__}.{NETWORKS[name]}").build(settings)
