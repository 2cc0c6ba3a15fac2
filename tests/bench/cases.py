"""What is measured: a network of a configuration, called or trained, on inputs of given shapes.

A case is plain data, so that it can be handed to a process of another environment.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from mindcast.config.frozen import Frozen
from mindcast.models.diffcast.settings import DiffCastSettings
from mindcast.models.geodiff.settings import GeoDiffSettings
from mindcast.models.prediff.settings import PreDiffSettings
from mindcast.settings import load_settings
from tests.bench.flops import diffcast as of_diffcast
from tests.bench.flops import geodiff as of_geodiff
from tests.bench.flops import prediff as of_prediff
from tests.bench.flops.count import Count
from tests.bench.inputs import Spec, normal, whole

CONFIGS = Path(__file__).parents[2] / "configs"
LEARNING = {"learning_rate": 1e-4, "betas": (0.9, 0.999), "weight_decay": 1e-2, "clip_norm": 1.0}


@dataclass(frozen=True)
class Case:
    """name: as printed. network: of the tables of both sides. settings: of its model.

    inputs: what it takes, target: what it gives. count: of a forward pass. method: of the network
    ("forward": itself). training: gradient of the mean squared error, clipping, AdamW; else
    evaluation mode.
    """

    name: str
    network: str
    settings: dict[str, Any]
    inputs: tuple[Spec, ...]
    target: Spec
    count: Count
    method: str = "forward"
    training: bool = False

    def plain(self) -> dict[str, Any]:
        """As JSON holds it."""
        described = asdict(self) | {"learning": LEARNING}
        del described["count"]
        return described


def released() -> list[Case]:
    """Every network at the size of its release, batch 1."""
    prediff, diffcast, geodiff = (
        load_settings(CONFIGS / name).model
        for name in ("diffusion_cfg.yaml", "diffcast_simvp_cfg.yaml", "geodiff_cfg.yaml")
    )
    denoisers = (prediff_denoiser(prediff), diffcast_denoiser(diffcast), geodiff_unet(geodiff))
    trained = [trained_case(case) for case in denoisers]
    both = [case for pair in zip(denoisers, trained, strict=True) for case in pair]
    frames = prediff.target_frames
    autoencoder = [encoding(prediff, frames), decoding(prediff, frames)]
    return [*both[:2], *autoencoder, alignment(prediff), *both[2:]]


def trained_case(case: Case) -> Case:
    """A training step of the same network on the same inputs."""
    return replace(case, name=f"{case.name} step", training=True)


def prediff_denoiser(model: PreDiffSettings, batch: int = 1) -> Case:
    """The Earthformer-UNet."""
    target = normal(batch, *model.latent_shape(model.target_frames))
    context = normal(batch, *model.latent_shape(model.context_frames))
    inputs = (target, whole(batch, model.diffusion.timesteps), context)
    count = of_prediff.denoiser(model, batch)
    return Case("prediff denoiser", "prediff_denoiser", _dump(model), inputs, target, count)


def encoding(model: PreDiffSettings, frames: int) -> Case:
    """Frames to the moments of their latents."""
    channels, height, width = model.latent_chw
    return Case(
        "prediff encode",
        "prediff_autoencoder",
        _dump(model),
        (normal(frames, 1, *model.frame_size),),
        normal(frames, 2 * channels, height, width),
        of_prediff.encoding(model, frames),
        "moments",
    )


def decoding(model: PreDiffSettings, frames: int) -> Case:
    """Latents to frames."""
    latents = normal(frames, *model.latent_chw)
    return Case(
        "prediff decode",
        "prediff_autoencoder",
        _dump(model),
        (latents,),
        normal(frames, 1, *model.frame_size),
        of_prediff.decoding(model, frames),
        "decode",
    )


def alignment(model: PreDiffSettings, batch: int = 1) -> Case:
    """The alignment network."""
    latents = normal(batch, *model.latent_shape(model.target_frames))
    inputs = (latents, whole(batch, model.diffusion.timesteps))
    target = normal(batch, model.target_frames, model.alignment.out_channels)
    count = of_prediff.alignment(model, batch)
    return Case("prediff alignment", "prediff_alignment", _dump(model), inputs, target, count)


def diffcast_denoiser(model: DiffCastSettings, batch: int = 1) -> Case:
    """The denoiser of a segment, with the features of a context network."""
    height, width = model.network_frame
    segment = normal(batch, model.context_frames, model.channels, height, width)
    dim, multiples = model.denoiser.dim, model.denoiser.multiples
    widths = (dim, *(dim * multiple for multiple in multiples[:-1]))
    features = [normal(batch, c, height >> i, width >> i) for i, c in enumerate(widths)]
    steps, number = whole(batch, model.diffusion.timesteps), whole(batch, model.segments)
    inputs = (segment, steps, segment, number, *features)
    count = of_diffcast.denoiser(model, batch)
    return Case("diffcast denoiser", "diffcast_denoiser", _dump(model), inputs, segment, count)


def geodiff_unet(model: GeoDiffSettings, batch: int = 1) -> Case:
    """The public 3-D U-Net, on images of three channels."""
    volume = normal(batch, len(model.levels_hpa), of_geodiff.IMAGE_CHANNELS, *model.frame_size)
    settings = _dump(model) | {"image_channels": of_geodiff.IMAGE_CHANNELS}
    inputs = (volume, whole(batch, model.diffusion.timesteps))
    count = of_geodiff.public_unet(model, batch)
    return Case("geodiff u-net", "geodiff_unet", settings, inputs, volume, count)


def _dump(model: Frozen) -> dict[str, Any]:
    return model.model_dump(mode="json")
