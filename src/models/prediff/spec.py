"""PreDiff as the rest of the house sees it. Imports no MindSpore; the stages do, when called."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from src.config.schema import Sampling
from src.diffusion.samplers import Plan, make_plan
from src.models.base import Forecaster, ModelSpec, Stage, Window
from src.models.prediff import draws
from src.models.prediff.settings import PreDiffSettings


def _single_frames(settings: PreDiffSettings) -> Window:
    return Window(length=1, stride=1, frame=settings.frame_size)


def _sequences(settings: PreDiffSettings) -> Window:
    return Window(
        length=settings.context_frames + settings.target_frames,
        stride=settings.stride,
        frame=settings.frame_size,
        context=settings.context_frames,
    )


def _late(name: str) -> Any:
    """The function `name` of the stages module, imported when it is first called."""

    def call(*arguments: Any) -> Any:
        from src.models.prediff import stages

        return getattr(stages, name)(*arguments)

    return call


def _plan(settings: PreDiffSettings, sampling: Sampling) -> Plan:
    process = settings.diffusion.process()
    return make_plan(sampling.sampler, process, sampling.steps, sampling.eta)


def _build_forecaster(
    settings: PreDiffSettings,
    networks: Mapping[str, Any],
    sampling: Sampling,
    seed: int,
    compiled: bool,
) -> Forecaster:
    from src.models.prediff.forecaster import PreDiffForecaster

    return PreDiffForecaster(settings, networks, sampling, seed, compiled)


def _to_ours(stage: str, weights: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    from src.models.prediff.weights import to_ours

    return to_ours(stage, weights)


SPEC = ModelSpec(
    name="prediff",
    task="nowcast",
    settings_type=PreDiffSettings,
    stages={
        "vae": Stage(
            requires=(),
            window=_single_frames,
            augmentation=1,
            build_network=_late("build_autoencoder"),
            build_objectives=_late("autoencoder_objectives"),
            draw=draws.for_autoencoder,
            monitor="total",
            preview=_late("preview_reconstruction"),
        ),
        "alignment": Stage(
            requires=("vae",),
            window=_sequences,
            augmentation=2,
            build_network=_late("build_alignment"),
            build_objectives=_late("alignment_objectives"),
            draw=draws.for_latents,
            monitor="loss",
            optional=True,
        ),
        "diffusion": Stage(
            requires=("vae",),
            window=_sequences,
            augmentation=2,
            build_network=_late("build_denoiser"),
            build_objectives=_late("denoiser_objectives"),
            draw=draws.for_latents,
            monitor="loss_simple",
            preview=_late("preview_forecast"),
        ),
    },
    window=_sequences,
    check_sampling=_plan,
    build_forecaster=_build_forecaster,
    to_ours=_to_ours,
    reference="Gao et al. 2023, PreDiff: Precipitation Nowcasting with Latent Diffusion Models, "
    "NeurIPS; github.com/gaozhihan/PreDiff (Apache-2.0)",
)
