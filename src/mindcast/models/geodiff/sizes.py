"""GeoDiff's settings, as far as the shapes of its weights decide them. Pure Python."""

from __future__ import annotations

from mindcast.models.geodiff.settings import GeoDiffSettings
from mindcast.models.released import Found, Shapes
from mindcast.refusal import Refusal

# stage -> the sections of its U-Nets, each with what stands before its names and how many
# channels it takes beside the statics
NETWORKS: dict[str, dict[str, tuple[str, int | None]]] = {
    "unet": {"denoiser": ("", None)},
    "deterministic": {"deterministic": ("primary.", 2)},
    "diffusion": {"denoiser": ("denoise_fn.", 4)},
    "joint": {"deterministic": ("primary.", 2), "denoiser": ("denoise_fn.", 4)},
}
PRIORS = {"deterministic": "primary_priors.", "denoiser": "residual_priors."}
NULL_FLAG = "residual_null_flag"


def read_off(stage: str, shapes: Shapes, settings: GeoDiffSettings) -> Found:
    """See `Released.read_off`. Of the levels only the number is in the shapes."""
    found: Found = {}
    for section, (prefix, channels) in NETWORKS[stage].items():
        found |= {f"{section}.{k}": v for k, v in _unet(shapes.under(prefix)).items()}
        if channels is not None:
            flag = int(section == "denoiser" and NULL_FLAG in shapes)
            seen = shapes.size(f"{prefix}init_conv.weight", 1)
            found["statics"] = seen > channels + flag
            found["priors.use"] = shapes.count(f"{PRIORS[section]}blocks.") > 0
    _check_levels(shapes, settings)
    if "betas" in shapes:
        found["diffusion.timesteps"] = shapes.size("betas", 0)
    return found


def _unet(shapes: Shapes) -> Found:
    dim = shapes.size("init_conv.weight", 0)
    heads = shapes.size("time_rel_pos_bias.relative_attention_bias.weight", 1)
    stages = range(shapes.count("downs."))
    attention = "init_temporal_attn.fn.fn.fn.to_qkv.weight"
    found: Found = {
        "dim": dim,
        "multiples": [shapes.size(f"downs.{i}.0.block1.proj.weight", 0) // dim for i in stages],
        "heads": heads,
        "head_size": shapes.size(attention, 0) // (3 * heads),
        "linear_attention": "downs.0.2.fn.fn.to_qkv.weight" in shapes,
        "first_kernel": shapes.size("init_conv.weight", 4),
        "buckets": shapes.size("time_rel_pos_bias.relative_attention_bias.weight", 0),
    }
    if "ups.0.4.weight" in shapes:
        kernel = shapes.size("ups.0.4.weight", 4)
        found["upsample"] = "transposed" if kernel == 4 else "nearest_conv"
    return found


def _check_levels(shapes: Shapes, settings: GeoDiffSettings) -> None:
    for name in ("primary_statistics.mean", "residual_statistics.sigma"):
        expected = len(settings.levels_hpa)
        if name in shapes and shapes.size(name, 0) != expected:
            raise Refusal(
                f"it was trained on {shapes.size(name, 0)} levels, the settings have {expected}; "
                "their pressures are not in the shapes, add --set 'model.levels_hpa=[...]'"
            )
