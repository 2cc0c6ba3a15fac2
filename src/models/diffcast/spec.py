"""DiffCast as the rest of the house sees it. Imports no MindSpore; the stages do, when called."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from src.config.schema import Sampling
from src.diffusion.samplers import Plan, make_plan
from src.models.base import Forecaster, ModelSpec, Stage, Window
from src.models.diffcast import draws
from src.models.diffcast.settings import DiffCastSettings


def _sequences(settings: DiffCastSettings) -> Window:
    return Window(
        length=settings.context_frames + settings.target_frames,
        stride=settings.stride,
        frame=settings.frame_size,
        context=settings.context_frames,
    )


def _late(name: str) -> Any:
    """The function `name` of the stages module, imported when it is first called."""

    def call(*arguments: Any) -> Any:
        from src.models.diffcast import stages

        return getattr(stages, name)(*arguments)

    return call


def _plan(settings: DiffCastSettings, sampling: Sampling) -> Plan:
    process = settings.diffusion.process()
    return make_plan(sampling.sampler, process, sampling.steps, sampling.eta)


def _build_forecaster(
    settings: DiffCastSettings,
    networks: Mapping[str, Any],
    sampling: Sampling,
    seed: int,
    compiled: bool,
) -> Forecaster:
    from src.models.diffcast.forecaster import DiffCastForecaster

    return DiffCastForecaster(settings, networks, sampling, seed, compiled)


def _to_ours(stage: str, weights: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    from src.models.diffcast.weights import to_ours

    return to_ours(stage, weights)


SPEC = ModelSpec(
    name="diffcast",
    task="nowcast",
    settings_type=DiffCastSettings,
    stages={
        "backbone": Stage(
            requires=(),
            window=_sequences,
            augmentation=2,
            build_network=_late("build_backbone"),
            build_objectives=_late("backbone_objectives"),
            draw=draws.for_backbone,
            monitor="loss",
            optional=True,
            preview=_late("preview_backbone"),
        ),
        "joint": Stage(
            requires=("backbone",),
            window=_sequences,
            augmentation=2,
            build_network=_late("build_joint"),
            build_objectives=_late("joint_objectives"),
            draw=draws.for_segments,
            monitor="loss",
            optional=True,
            preview=_late("preview_joint"),
        ),
    },
    window=_sequences,
    check_sampling=_plan,
    build_forecaster=_build_forecaster,
    to_ours=_to_ours,
    reference="Yu et al. 2024, DiffCast: A Unified Framework via Residual Diffusion for "
    "Precipitation Nowcasting, CVPR; github.com/DeminYu98/DiffCast (GPL-3.0)",
)
