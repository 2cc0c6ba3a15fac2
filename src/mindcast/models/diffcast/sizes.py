"""DiffCast's settings, as far as the shapes of its weights decide them. Pure Python."""

from __future__ import annotations

import math

from mindcast.models.diffcast.backbones.sizes import SIZES, BackboneSizes
from mindcast.models.diffcast.settings import DiffCastSettings
from mindcast.models.released import Found, Shapes
from mindcast.refusal import Refusal


def read_off(backbone: str, stage: str, shapes: Shapes, settings: DiffCastSettings) -> Found:
    """See `Released.read_off`. Frame and target frames are in the shapes of Earthformer alone."""
    section = getattr(settings, backbone)
    joint = stage == "joint"
    sizes = SIZES[backbone](shapes.under("backbone_net.") if joint else shapes, section)
    patch = math.isqrt(sizes.channels)
    if patch**2 != sizes.channels:
        raise Refusal(
            f"its frames have {sizes.channels} channels, expected 1 or those of square patches; "
            "several variables are not supported"
        )
    found: Found = {"backbone": backbone, "patch": patch}
    found |= {f"{backbone}.{key}": value for key, value in sizes.section.items()}
    found |= _frames(sizes, patch)
    return found | (_denoiser(shapes, sizes.channels) if joint else {})


def _frames(sizes: BackboneSizes, patch: int) -> Found:
    found: Found = {}
    if sizes.frames is not None:
        found["context_frames"] = sizes.frames
    if sizes.target is not None:
        found["target_frames"] = sizes.target
    if sizes.side is not None:
        found["frame_size"] = [side * patch for side in sizes.side]
    return found


def _denoiser(shapes: Shapes, channels: int) -> Found:
    dim = shapes.size("model.init_conv.weight", 0)
    last = shapes.count("model.downs.") - 1
    further = [f"model.downs.{i}.3.1.weight" for i in range(last)]
    further.append(f"model.downs.{last}.3.weight")
    found: Found = {
        "denoiser.dim": dim,
        "denoiser.multiples": [shapes.size(name, 0) // dim for name in further],
        "denoiser.sees_forecast": "model.guide_conv.weight" in shapes,
        "context_net.use": "ctx_net.init_conv.weight" in shapes,
        "context_frames": shapes.size("model.final_conv.weight", 0) // channels,
    }
    if "betas" in shapes:
        found["diffusion.timesteps"] = shapes.size("betas", 0)
    return found
