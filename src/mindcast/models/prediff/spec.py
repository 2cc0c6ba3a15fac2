"""PreDiff in the table of models. Imports no MindSpore; the stages do, when called."""

from __future__ import annotations

from mindcast.config.schema import Sampling
from mindcast.diffusion.samplers import Plan
from mindcast.models.base import (
    ModelSpec,
    Stage,
    Window,
    extrapolated,
    keys,
    late,
    whole_sequences,
)
from mindcast.models.prediff import draws
from mindcast.models.prediff.memory import row_bytes
from mindcast.models.prediff.settings import PreDiffSettings
from mindcast.models.prediff.weights import RELEASED

STAGES = late("mindcast.models.prediff.stages")
BLOCKS = late("mindcast.models.prediff.recomputed")("blocks")


FRAMES = ("frame_size", "context_frames", "target_frames")
NOISE = tuple(
    f"diffusion.{key}"
    for key in ("schedule", "timesteps", "linear_start", "linear_end", "scale_factor")
)


def _single_frames(settings: PreDiffSettings) -> Window:
    return Window(length=1, stride=1, frame=settings.frame_size, context=1)


def _plan(settings: PreDiffSettings, sampling: Sampling) -> Plan:
    return settings.diffusion.plan(sampling)


SPEC = ModelSpec(
    name="prediff",
    task="nowcast",
    settings_type=PreDiffSettings,
    stages={
        "vae": Stage(
            requires=(),
            window=_single_frames,
            augmentation="any_angle",
            build_network=STAGES("build_autoencoder"),
            build_objectives=STAGES("autoencoder_objectives"),
            blocks=BLOCKS,
            draw=draws.for_autoencoder,
            monitor="total",
            preview=STAGES("preview_reconstruction"),
            bound_to=keys("autoencoder"),
        ),
        "alignment": Stage(
            requires=("vae",),
            window=whole_sequences,
            augmentation="quarter_turns",
            build_network=STAGES("build_alignment"),
            build_objectives=STAGES("alignment_objectives"),
            blocks=BLOCKS,
            draw=draws.for_latents,
            monitor="loss",
            optional=True,
            encode=STAGES("truth_encoding"),
            bound_to=keys("frame_size", "target_frames", "autoencoder", "alignment", *NOISE),
        ),
        "diffusion": Stage(
            requires=("vae",),
            window=whole_sequences,
            augmentation="quarter_turns",
            build_network=STAGES("build_denoiser"),
            build_objectives=STAGES("denoiser_objectives"),
            blocks=BLOCKS,
            draw=draws.for_latents,
            monitor="loss_simple",
            preview=STAGES("preview_forecast"),
            bound_to=keys(*FRAMES, "autoencoder", "denoiser", "diffusion", "motion"),
            derive=extrapolated,
            encode=STAGES("sequence_encoding"),
        ),
    },
    window=whole_sequences,
    check_sampling=_plan,
    build_forecaster=late("mindcast.models.prediff.forecaster")("PreDiffForecaster"),
    row_bytes=row_bytes,
    released=RELEASED,
    reference="Gao et al. 2023, PreDiff: Precipitation Nowcasting with Latent Diffusion Models, "
    "NeurIPS; github.com/gaozhihan/PreDiff (Apache-2.0)",
)
