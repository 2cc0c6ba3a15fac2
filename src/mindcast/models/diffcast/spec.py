"""DiffCast in the table of models. Imports no MindSpore; the stages do, when called."""

from __future__ import annotations

from mindcast.config.schema import Sampling
from mindcast.diffusion.samplers import Plan
from mindcast.models.base import (
    ModelSpec,
    Stage,
    extrapolated,
    late,
    no_draws,
    whole_sequences,
)
from mindcast.models.diffcast import draws
from mindcast.models.diffcast.memory import row_bytes
from mindcast.models.diffcast.settings import DiffCastSettings
from mindcast.models.diffcast.weights import RELEASED

STAGES = late("mindcast.models.diffcast.stages")
BLOCKS = late("mindcast.models.diffcast.recomputed")("blocks")


def _plan(settings: DiffCastSettings, sampling: Sampling) -> Plan:
    return settings.diffusion.plan(sampling)


def _of_backbone(settings: DiffCastSettings) -> tuple[str, ...]:
    """The section of a backbone bears its name; those of the others are not used."""
    frames = ("frame_size", "context_frames", "target_frames", "patch")
    return (*frames, "backbone", settings.backbone)


def _of_joint(settings: DiffCastSettings) -> tuple[str, ...]:
    return (*_of_backbone(settings), "denoiser", "context_net", "diffusion")


SPEC = ModelSpec(
    name="diffcast",
    task="nowcast",
    settings_type=DiffCastSettings,
    stages={
        "backbone": Stage(
            requires=(),
            window=whole_sequences,
            augmentation="quarter_turns",
            build_network=STAGES("build_backbone"),
            build_objectives=STAGES("backbone_objectives"),
            blocks=BLOCKS,
            draw=no_draws,
            monitor="loss",
            optional=True,
            preview=STAGES("preview_backbone"),
            bound_to=_of_backbone,
            derive=extrapolated,
        ),
        "joint": Stage(
            requires=("backbone",),
            window=whole_sequences,
            augmentation="quarter_turns",
            build_network=STAGES("build_joint"),
            build_objectives=STAGES("joint_objectives"),
            blocks=BLOCKS,
            draw=draws.for_segments,
            monitor="loss",
            optional=True,
            preview=STAGES("preview_joint"),
            bound_to=_of_joint,
            derive=extrapolated,
        ),
    },
    window=whole_sequences,
    check_sampling=_plan,
    build_forecaster=late("mindcast.models.diffcast.forecaster")("DiffCastForecaster"),
    row_bytes=row_bytes,
    released=RELEASED,
    reference="Yu et al. 2024, DiffCast: A Unified Framework via Residual Diffusion for "
    "Precipitation Nowcasting, CVPR; github.com/DeminYu98/DiffCast (GPL-3.0)",
)
