"""GeoDiff in the table of models. Imports no MindSpore; the stages do, when called."""

from __future__ import annotations

from mindcast.config.schema import Sampling
from mindcast.diffusion.samplers import Plan
from mindcast.models.base import ModelSpec, Patch, Stage, keys, late, no_draws
from mindcast.models.geodiff import draws
from mindcast.models.geodiff.memory import in_tiles, row_bytes
from mindcast.models.geodiff.settings import GeoDiffSettings
from mindcast.models.geodiff.weights import RELEASED

FIELDS = ("levels_hpa", "factor", "statics", "priors")
STAGES = late("mindcast.models.geodiff.stages")
BLOCKS = late("mindcast.models.geodiff.recomputed")("blocks")


def _crops(settings: GeoDiffSettings) -> Patch:
    return _patch(settings, settings.frame_size)


def _whole_domain(settings: GeoDiffSettings) -> Patch:
    return _patch(settings, None)


def _patch(settings: GeoDiffSettings, frame: tuple[int, int] | None) -> Patch:
    return Patch(
        levels_hpa=settings.levels_hpa,
        factor=settings.factor,
        frame=frame,
        prior_source=settings.priors.source,
    )


def _plan(settings: GeoDiffSettings, sampling: Sampling) -> Plan:
    return settings.diffusion.plan(sampling)


SPEC = ModelSpec(
    name="geodiff",
    task="downscale",
    settings_type=GeoDiffSettings,
    stages={
        "deterministic": Stage(
            requires=(),
            window=_crops,
            augmentation="mirrored_fields",
            build_network=STAGES("build_deterministic"),
            build_objectives=STAGES("deterministic_objectives"),
            blocks=BLOCKS,
            draw=no_draws,
            monitor="rmse",
            preview=STAGES("preview_deterministic"),
            bound_to=keys(*FIELDS, "deterministic"),
            calibrate=STAGES("calibrate_deterministic"),
        ),
        "diffusion": Stage(
            requires=("deterministic",),
            window=_crops,
            augmentation="mirrored_fields",
            build_network=STAGES("build_denoiser"),
            build_objectives=STAGES("denoiser_objectives"),
            blocks=BLOCKS,
            draw=draws.for_residuals,
            monitor="noise",
            optional=True,
            preview=STAGES("preview_forecast"),
            calibrate=STAGES("calibrate_residual"),
        ),
        "joint": Stage(
            requires=("deterministic", "diffusion"),
            window=_crops,
            augmentation="mirrored_fields",
            build_network=STAGES("build_joint"),
            build_objectives=STAGES("joint_objectives"),
            blocks=BLOCKS,
            draw=draws.for_residuals,
            monitor="total",
            optional=True,
            preview=STAGES("preview_joint"),
        ),
    },
    window=_whole_domain,
    check_sampling=_plan,
    build_forecaster=late("mindcast.models.geodiff.forecaster")("GeoDiffForecaster"),
    row_bytes=row_bytes,
    in_tiles=in_tiles,
    released=RELEASED,
    reference="Wang, Li, Zhou and Peng 2025, A Diffusion Framework for Temperature Fields "
    "Reconstruction With Embedded Vertical Dynamics, JGR Atmospheres, doi 10.1029/2024JD042742; "
    "its public code (a 3-D U-Net and its diffusion) has no licence and was not copied",
)
