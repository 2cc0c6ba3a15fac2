"""Released weights of a backbone under our parameter names, which are the original ones.

What is left to do: PhyDNet's state dict holds its two cells twice, and all of them hold buffers
that our cells derive from their settings.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

import numpy as np

from mindcast.layers.cuboid_geometry import relative_position_index
from mindcast.layers.cuboid_patterns import Shape, cuboids_of
from mindcast.models.diffcast.backbones import backbone_kind
from mindcast.models.diffcast.backbones.moments import moment_matrix
from mindcast.models.diffcast.backbones.settings import EarthformerSettings, PhyDNetSettings

PREFIX = "backbone_net."
BUFFERS = ("k2m._M0", "k2m._invM0", "k2m._M1", "k2m._invM1")
INDEX = "relative_position_index"
BUFFER_ENDINGS = (INDEX,)
ALIASES = ("encoder.phycell.", "encoder.convcell.")  # of the same names without "encoder."


def to_ours_backbone(name: str, weights: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The parameters of backbone `name` from its part of a state dict, every array once.

    Names may start with "backbone_net."; Refusal for an unknown backbone. A repeated array that is
    only there under its second name is taken from there.
    """
    backbone_kind(name)
    ours: dict[str, np.ndarray] = {}
    for key, array in weights.items():
        key = key.removeprefix(PREFIX)
        if key in BUFFERS or key.rpartition(".")[2] in BUFFER_ENDINGS:
            continue
        if name == "phydnet" and key.startswith(ALIASES):
            ours.setdefault(key.removeprefix("encoder."), array)
        else:
            ours[key] = array
    return ours


def to_reference_backbone(
    name: str,
    weights: Mapping[str, np.ndarray],
    section: object,
    context_frames: int,
    frame: tuple[int, int],
) -> dict[str, np.ndarray]:
    """The inverse of `to_ours_backbone`, with second names and buffers.

    section: the backbone's settings. frame: (H, W) as the network sees it.
    """
    reference = dict(weights)
    if isinstance(section, PhyDNetSettings):
        cells = tuple(alias.removeprefix("encoder.") for alias in ALIASES)
        reference |= {f"encoder.{n}": a for n, a in weights.items() if n.startswith(cells)}
        matrix = moment_matrix(section.kernel)
        reference |= dict(zip(BUFFERS, (matrix, np.linalg.inv(matrix)) * 2, strict=True))
    if isinstance(section, EarthformerSettings) and section.relative_position:
        reference |= _indices(weights, section, (context_frames, *frame))
    return reference


def _indices(
    weights: Mapping[str, np.ndarray], section: EarthformerSettings, shape: Shape
) -> dict[str, np.ndarray]:
    """The index of every table of biases, (tokens, tokens) int64."""
    target = weights["dec_pos_embed.T_embed.weight"].shape[0]
    shapes = list(_level_shapes(section, shape))
    indices = {}
    for level, memory in enumerate(shapes):
        cut = (target, *memory[1:]) if section.long_decoder_cuboids else memory
        for blocks, patterns, grid in (
            ("encoder.blocks", section.encoder_patterns, memory),
            ("decoder.self_blocks", section.decoder_patterns, cut),
        ):
            for number, cuboid in enumerate(
                cuboids_of(section.level_patterns(patterns)[level], grid)
            ):
                index = relative_position_index(cuboid.block).astype(np.int64)
                for name in _tables(weights, f"{blocks}.{level}.", f".attn_l.{number}."):
                    indices[name] = index
        for name in _tables(weights, f"decoder.cross_blocks.{level}.", ".attn_l.0."):
            steps = np.arange(target + memory[0])
            indices[name] = steps[:, None] - steps + len(steps) - 1
    return indices


def _tables(weights: Mapping[str, np.ndarray], beginning: str, layer: str) -> Iterator[str]:
    """The names of the indices of the blocks of a level, for one of their attentions."""
    ending = f"{layer}relative_position_bias_table"
    for name in weights:
        if name.startswith(beginning) and name.endswith(ending):
            yield name.removesuffix("bias_table") + "index"


def _level_shapes(section: EarthformerSettings, shape: Shape) -> Iterator[Shape]:
    """(T, H, W) of every level of the encoder."""
    t, height, width = shape
    for factor in section.stem_factors:
        height, width = math.ceil(height / factor), math.ceil(width / factor)
    for _ in section.encoder_depth:
        yield t, height, width
        height = math.ceil(height / section.downsample)
        width = math.ceil(width / section.downsample)
