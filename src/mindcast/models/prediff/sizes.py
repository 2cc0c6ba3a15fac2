"""PreDiff's settings, as far as the shapes of its weights decide them. Pure Python."""

from __future__ import annotations

from mindcast.models.cuboid_sizes import (
    ffn_after_each,
    level_sizes,
    position_kind,
    stack_sizes,
    table_sides,
)
from mindcast.models.prediff.settings import CuboidSettings, PreDiffSettings
from mindcast.models.released import Found, Shapes
from mindcast.refusal import Refusal

STACK = "down_self_blocks.0.0."


def read_off(stage: str, shapes: Shapes, settings: PreDiffSettings) -> Found:
    """See `Released.read_off`. Not in the shapes: the groups of norms, the patterns of cuboids,
    how the frames of a sequence are shared out between context and target."""
    return {"vae": _autoencoder, "diffusion": _denoiser, "alignment": _alignment}[stage](
        shapes, settings
    )


def _autoencoder(shapes: Shapes, settings: PreDiffSettings) -> Found:
    blocks = range(shapes.count("encoder.down_blocks."))
    first = "encoder.down_blocks.{}.resnets.0.conv1.weight"
    return {
        "autoencoder.latent_channels": shapes.size("quant_conv.weight", 0) // 2,
        "autoencoder.block_channels": [shapes.size(first.format(i), 0) for i in blocks],
        "autoencoder.layers_per_block": shapes.count("encoder.down_blocks.0.resnets."),
    }


def _denoiser(shapes: Shapes, settings: PreDiffSettings) -> Found:
    found = _pyramid("denoiser", settings.denoiser, shapes)
    if "upsample_layers.0.conv.weight" in shapes:
        found["denoiser.upsample_kernel"] = shapes.size("upsample_layers.0.conv.weight", 2)
    frames = shapes.size("pos_embed.T_embed.weight", 0)
    context, target = settings.context_frames, settings.target_frames
    if context + target != frames:
        raise Refusal(
            f"its sequences have {frames} frames, the settings {context} + {target}; context and "
            f"target are not in the shapes, add --set model.context_frames=N --set "
            f"model.target_frames={frames}-N"
        )
    channels = shapes.size("final_proj.weight", 0)
    return {**found, "autoencoder.latent_channels": channels, **_frame(shapes, settings)}


def _alignment(shapes: Shapes, settings: PreDiffSettings) -> Found:
    found = _pyramid("alignment", settings.alignment, shapes)
    height, width = table_sides(shapes, "pos_embed.") or settings.latent_chw[1:]
    for _ in range(1, shapes.count("down_self_blocks.")):
        factor = found["alignment.downsample"]
        height, width = -(-height // factor), -(-width // factor)
    tokens = shapes.size("out.2.positional_embedding", 1) - 1
    return {
        **found,
        "alignment.out_channels": shapes.size("out.2.c_proj.weight", 0),
        "alignment.read_out_per_frame": tokens == height * width,
        "autoencoder.latent_channels": shapes.size("first_proj.in_layers.0.weight", 0),
        "target_frames": shapes.size("pos_embed.T_embed.weight", 0),
        **_frame(shapes, settings),
    }


def _pyramid(section: str, settings: CuboidSettings, shapes: Shapes) -> Found:
    levels = range(shapes.count("down_self_blocks."))
    if not levels:
        raise Refusal("it has no down_self_blocks, from which the sizes are read; use a whole file")
    block = "down_time_embed_blocks.{}.in_layers.0.weight"
    units = tuple(shapes.size(block.format(i), 0) for i in levels)
    step = shapes.size("down_time_embed_blocks.0.emb_layers.1.weight", 0)
    found = {
        **level_sizes(shapes, "downsample_layers.", units, settings.scale_alpha),
        **stack_sizes(shapes, STACK),
        "depth": [shapes.count(f"down_self_blocks.{i}.") for i in levels],
        "ffn_after_each_attention": ffn_after_each(shapes, STACK),
        "position_embedding": position_kind(shapes, "pos_embed."),
        "time_embedding_multiple": shapes.size("time_embed.layer.0.weight", 0) // units[0],
        "scale_shift": step == 2 * units[0],
    }
    return {f"{section}.{key}": value for key, value in found.items()}


def _frame(shapes: Shapes, settings: PreDiffSettings) -> Found:
    """The frame, by what the autoencoder of the settings makes of it."""
    sides, factor = table_sides(shapes, "pos_embed."), settings.autoencoder.factor
    return {} if sides is None else {"frame_size": [side * factor for side in sides]}
