"""The settings of a backbone, as far as the shapes of its weights decide them. Pure Python."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

from mindcast.models.cuboid_sizes import (
    ffn_after_each,
    level_sizes,
    position_kind,
    stack_sizes,
    table_sides,
)
from mindcast.models.diffcast.backbones.settings import EarthformerSettings
from mindcast.models.released import Found, Shapes
from mindcast.refusal import Refusal


@dataclass(frozen=True)
class BackboneSizes:
    """What a backbone's weights give.

    section: keys of its section. channels: of a frame, as the network sees it. frames, target:
    context and target frames; side: (H, W) as the network sees it; None where not in the shapes.
    """

    section: Found
    channels: int
    frames: int | None = None
    target: int | None = None
    side: tuple[int, int] | None = field(default=None)


def simvp(shapes: Shapes, published: object) -> BackboneSizes:
    """All but the frame and the number of target frames."""
    layers = shapes.count("enc.enc.")
    spatial = shapes.size("enc.enc.0.conv.conv.weight", 0)
    half = shapes.size("hid.enc.0.conv1.weight", 0)
    branch = "hid.enc.0.layers.{}.conv.weight"
    branches = range(shapes.count("hid.enc.0.layers."))
    section = {
        "spatial_channels": spatial,
        "temporal_channels": 2 * half,
        "spatial_layers": layers,
        "temporal_layers": shapes.count("hid.enc."),
        "encoder_kernel": shapes.size("enc.enc.0.conv.conv.weight", 2),
        "decoder_kernel": shapes.size(f"dec.dec.{layers - 1}.conv.conv.weight", 2),
        "branch_kernels": [shapes.size(branch.format(j), 2) for j in branches],
        "groups": half // shapes.size(branch.format(0), 1),
    }
    stacked = shapes.size("hid.enc.0.conv1.weight", 1)
    channels = shapes.size("dec.readout.weight", 0)
    return BackboneSizes(section, channels, frames=stacked // spatial)


def phydnet(shapes: Shapes, published: object) -> BackboneSizes:
    """All but the groups of its norms and the frames."""
    layers = range(shapes.count("convcell.cell_list."))
    lstm = "convcell.cell_list.{}.conv.weight"
    section = {
        "width": shapes.size("encoder.encoder_E.c1.main.0.weight", 0),
        "lstm_channels": [shapes.size(lstm.format(i), 0) // 4 for i in layers],
        "lstm_kernel": shapes.size(lstm.format(0), 2),
        "kernel": shapes.size("phycell.cell_list.0.F.conv1.weight", 2),
    }
    return BackboneSizes(section, shapes.size("encoder.decoder_D.upc3.weight", 1))


def convgru(shapes: Shapes, published: object) -> BackboneSizes:
    """All but the slope of its activations and the frames."""
    levels = range(shapes.count("encoder.downs."))
    state = "encoder.rnns.{}.h2h.weight"
    section = {
        "stem": [shapes.size(f"encoder.downs.{i}.weight", 0) for i in levels],
        "hidden": [shapes.size(state.format(i), 0) // 3 for i in levels],
        "state_kernels": [shapes.size(state.format(i), 2) for i in levels],
        "input_kernel": shapes.size("encoder.rnns.0.i2h.weight", 2),
    }
    return BackboneSizes(section, shapes.size("forecaster.out_conv2.weight", 0))


def earthformer(shapes: Shapes, published: EarthformerSettings) -> BackboneSizes:
    """All but the patterns of cuboids and the activation."""
    levels = range(shapes.count("encoder.blocks."))
    stages = range(shapes.count("initial_encoder.conv_block_list."))
    first, cross = "encoder.blocks.0.0.", "decoder.cross_blocks."
    if not levels:
        raise Refusal("it has no encoder.blocks, from which the sizes are read; use a whole file")
    block = "encoder.blocks.{}.0.attn_l.0.norm.weight"
    units = tuple(shapes.size(block.format(i), 0) for i in levels)
    section = {
        **level_sizes(shapes, "encoder.down_layers.", units, published.scale_alpha),
        **stack_sizes(shapes, first),
        **_stem(shapes, stages),
        **_vectors(shapes, first, units[0]),
        "encoder_depth": [shapes.count(f"encoder.blocks.{i}.") for i in levels],
        "decoder_depth": [shapes.count(f"{cross}{i}.") for i in levels],
        "encoder_ffn_after_each": ffn_after_each(shapes, first),
        "position_embedding": position_kind(shapes, "enc_pos_embed."),
    }
    top = levels[-1]
    own = shapes.count(f"decoder.self_blocks.{top}.")
    section["decoder_first_self_attention"] = own == section["decoder_depth"][top]
    lowest = "decoder.self_blocks.0.0."
    if shapes.count(f"{lowest}attn_l."):
        section["decoder_ffn_after_each"] = ffn_after_each(shapes, lowest)
    sides, factor = table_sides(shapes, "enc_pos_embed."), math.prod(section["stem_factors"])
    return BackboneSizes(
        section,
        shapes.size("dec_final_proj.weight", 0),
        frames=shapes.size("enc_pos_embed.T_embed.weight", 0),
        target=shapes.size("dec_pos_embed.T_embed.weight", 0),
        side=None if sides is None else (sides[0] * factor, sides[1] * factor),
    )


def _stem(shapes: Shapes, stages: range) -> Found:
    block = "initial_encoder.conv_block_list.{}."
    widths = [shapes.size(f"{block.format(s)}0.weight", 0) for s in stages]
    merge = "initial_encoder.patch_merge_list.{}.norm.weight"
    factors = [math.isqrt(shapes.size(merge.format(s), 0) // widths[s]) for s in stages]
    kernels = [
        sum(len(shape) == 4 for shape in shapes.under(block.format(s)).values()) for s in stages
    ]
    return {"stem_channels": widths, "stem_factors": factors, "stem_convolutions": kernels}


def _vectors(shapes: Shapes, stack: str, units: int) -> Found:
    if "init_global_vectors" not in shapes:
        return {"global_vectors": 0}
    first = f"{stack}attn_l.0."
    separate = f"{first}l2g_q_net.weight" in shapes
    found: Found = {
        "global_vectors": shapes.size("init_global_vectors", 0),
        "global_width_ratio": shapes.size("init_global_vectors", 1) // units,
        "separate_global_projections": separate,
    }
    if separate:
        found["global_self_attention"] = f"{first}g2g_global_qkv_net.weight" in shapes
    return found


SIZES: dict[str, Callable[..., BackboneSizes]] = {
    "simvp": simvp,
    "phydnet": phydnet,
    "convgru": convgru,
    "earthformer": earthformer,
}
