"""GeoDiff as the rest of the house sees it. Imports no MindSpore; the stages do, when called."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from src.config.schema import Sampling
from src.diffusion.samplers import Plan
from src.models.base import Forecaster, ModelSpec, Patch, Stage
from src.models.geodiff import draws
from src.models.geodiff.settings import GeoDiffSettings


def _crops(settings: GeoDiffSettings) -> Patch:
    return _patch(settings, settings.frame_size)


def _whole_domain(settings: GeoDiffSettings) -> Patch:
    return _patch(settings, None)


def _patch(settings: GeoDiffSettings, frame: tuple[int, int] | None) -> Patch:
    return Patch(
        levels_hpa=settings.levels_hpa,
        factor=settings.factor,
        frame=frame,
        multiple=settings.multiple,
        prior_source=settings.priors.source,
    )


def _late(name: str) -> Any:
    """The function `name` of the stages module, imported when it is first called."""

    def call(*arguments: Any) -> Any:
        from src.models.geodiff import stages

        return getattr(stages, name)(*arguments)

    return call


def _plan(settings: GeoDiffSettings, sampling: Sampling) -> Plan:
    return settings.diffusion.plan(sampling)


def _build_forecaster(
    settings: GeoDiffSettings,
    networks: Mapping[str, Any],
    sampling: Sampling,
    seed: int,
    compiled: bool,
) -> Forecaster:
    from src.models.geodiff.forecaster import GeoDiffForecaster

    return GeoDiffForecaster(settings, networks, sampling, seed, compiled)


def _to_ours(stage: str, weights: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    from src.models.geodiff.weights import to_ours

    return to_ours(stage, weights)


SPEC = ModelSpec(
    name="geodiff",
    task="downscale",
    settings_type=GeoDiffSettings,
    stages={
        "deterministic": Stage(
            requires=(),
            window=_crops,
            augmentation=0,
            build_network=_late("build_deterministic"),
            build_objectives=_late("deterministic_objectives"),
            draw=draws.none,
            monitor="rmse",
            preview=_late("preview_deterministic"),
            calibrate=_late("calibrate_deterministic"),
        ),
        "diffusion": Stage(
            requires=("deterministic",),
            window=_crops,
            augmentation=0,
            build_network=_late("build_denoiser"),
            build_objectives=_late("denoiser_objectives"),
            draw=draws.for_residuals,
            monitor="noise",
            optional=True,
            preview=_late("preview_forecast"),
            calibrate=_late("calibrate_residual"),
        ),
        "joint": Stage(
            requires=("deterministic", "diffusion"),
            window=_crops,
            augmentation=0,
            build_network=_late("build_joint"),
            build_objectives=_late("joint_objectives"),
            draw=draws.for_residuals,
            monitor="total",
            optional=True,
            preview=_late("preview_joint"),
        ),
    },
    window=_whole_domain,
    check_sampling=_plan,
    build_forecaster=_build_forecaster,
    to_ours=_to_ours,
    reference="Wang, Li, Zhou and Peng 2025, A Diffusion Framework for Temperature Fields "
    "Reconstruction With Embedded Vertical Dynamics, JGR Atmospheres, doi 10.1029/2024JD042742; "
    "its public code (a 3-D U-Net and its diffusion) has no licence and was not copied",
)
