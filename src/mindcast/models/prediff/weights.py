"""The names and shapes of PreDiff's released weights and of ours.

Our cells carry the reference's attribute names, so a parameter keeps its name. What remains:
buffers that our networks derive from their settings are dropped, and the 1-D convolutions of the
alignment network's read-out, (out, in, 1), are linear maps (out, in) here. MindEarth's port has
MindSpore's names of norms and tables, and one more axis in those convolutions.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from mindcast.layers.cuboid_geometry import relative_position_index
from mindcast.layers.cuboid_patterns import cuboids_of
from mindcast.models.prediff.settings import CuboidSettings, PreDiffSettings
from mindcast.models.prediff.sizes import read_off
from mindcast.models.released import (
    SCHEDULE,
    Released,
    ReleasedNetwork,
    schedule_buffers,
)
from mindcast.refusal import Refusal

STAGES = ("vae", "diffusion", "alignment", "discriminator")
INDEX = "relative_position_index"
DERIVED = (INDEX, "num_batches_tracked")
POINTWISE = {"alignment": ("out.2.qkv_proj.weight", "out.2.c_proj.weight")}
MINDEARTH_TABLES = {f"pos_embed.{a.lower()}_embed.": f"pos_embed.{a}_embed." for a in "THW"} | {
    "pos_embed.hw_embed.": "pos_embed.HW_embed."
}
MINDEARTH_ENDINGS = {"gamma": "weight", "beta": "bias", "embedding_table": "weight"}
CONFIGURATION = "diffusion_cfg.yaml"
FIRST = "first_proj.in_layers.2.weight"


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


def to_reference(
    stage: str, weights: Mapping[str, np.ndarray], settings: PreDiffSettings | None = None
) -> dict[str, np.ndarray]:
    """The inverse of `to_ours`; with settings also the buffers that the reference derives."""
    pointwise = _pointwise(stage)
    reference = {
        name: array[:, :, None] if name in pointwise else array for name, array in weights.items()
    }
    if settings is not None:
        reference |= _indices(stage, reference, settings)
    return reference


def from_port(weights: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The names and shapes of MindEarth's port as the reference's; the reference's stay."""
    return {
        _from_port(name): array[..., 0] if _is_unfolded(name, array) else array
        for name, array in weights.items()
    }


def _from_port(name: str) -> str:
    for theirs, reference in MINDEARTH_TABLES.items():
        name = name.replace(theirs, reference)
    stem, dot, ending = name.rpartition(".")
    return stem + dot + MINDEARTH_ENDINGS.get(ending, ending)


def _is_unfolded(name: str, array: np.ndarray) -> bool:
    return array.ndim == 4 and array.shape[2:] == (1, 1) and name.endswith(POINTWISE["alignment"])


def _indices(
    stage: str, weights: Mapping[str, np.ndarray], settings: PreDiffSettings
) -> dict[str, np.ndarray]:
    """The index of every table of biases, (tokens, tokens) int64."""
    if stage not in ("diffusion", "alignment"):
        return {}
    section: CuboidSettings = settings.denoiser if stage == "diffusion" else settings.alignment
    frames = settings.target_frames + (settings.context_frames if stage == "diffusion" else 0)
    shape = (frames, *settings.latent_chw[1:])
    indices: dict[str, np.ndarray] = {}
    for level, pattern in enumerate(section.level_patterns):
        for number, cuboid in enumerate(cuboids_of(pattern, shape)):
            index = relative_position_index(cuboid.block).astype(np.int64)
            for way in ("down", "up"):
                for k in range(section.depth[level]):
                    place = f"{way}_self_blocks.{level}.{k}.attn_l.{number}."
                    if f"{place}relative_position_bias_table" in weights:
                        indices[place + INDEX] = index
        t, height, width = shape
        factor = section.downsample
        shape = t, math.ceil(height / factor), math.ceil(width / factor)
    return indices


def _buffers(settings: PreDiffSettings) -> dict[str, np.ndarray]:
    """Of the latent diffusion, beside the networks in a training checkpoint."""
    scale = np.float32(settings.diffusion.scale_factor)
    return {**schedule_buffers(settings.diffusion.process()), "scale_factor": np.asarray(scale)}


def _pointwise(stage: str) -> tuple[str, ...]:
    if stage not in STAGES:
        raise Refusal(f"stage: {stage!r}, expected one of {', '.join(STAGES)}; name one of them")
    return POINTWISE.get(stage, ())


RELEASED = Released(
    networks=(
        ReleasedNetwork("diffusion", (FIRST, "final_proj.weight"), CONFIGURATION),
        ReleasedNetwork("alignment", (FIRST, "out.2.qkv_proj.weight"), CONFIGURATION),
        ReleasedNetwork(
            "vae",
            ("quant_conv.weight", "encoder.conv_in.weight"),
            CONFIGURATION,
            companion="first_stage_model.",
        ),
    ),
    copy="raw",
    beside=(*SCHEDULE, "scale_factor", "logvar", "lvlb_weights", "loss.", "model_ema."),
    common=from_port,
    to_ours=to_ours,
    to_reference=to_reference,
    read_off=read_off,
    buffers=_buffers,
)
