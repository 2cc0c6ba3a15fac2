"""Every model of the table in its smoke settings, not trained: what the contract is held to.

A variant is a model with some of its settings changed; it bears the model's name where nothing is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from operator import itemgetter
from typing import Any

import mindspore as ms
import numpy as np
import pytest

from mindcast.config.schema import RunSettings, Sampling
from mindcast.models import MODELS, load_spec
from mindcast.models.base import ModelSpec, Objective, Patch, Stage, Window
from mindcast.physics.resample import cells
from mindcast.samples import DownscaleInput, Input, Named, NowcastInput, Sample, stacked
from mindcast.settings import load_settings
from mindcast.training.encoder import Encoder

SAMPLING = Sampling(sampler="ddim", steps=2, batch_size=4)
# networks of one level: the models themselves have more, and a graph is compiled level by level
CHANGES: dict[str, tuple[str, ...]] = {
    "diffcast along the motion": (
        "model.backbone=advection",
        "model.advection={dim: 8, multiples: [1]}",
        "model.denoiser.multiples=[1]",
    ),
    "diffcast that sees the motion": (
        "model.backbone=advection",
        "model.advection={dim: 8, multiples: [1], motion: {candidates: 2}}",
        "model.denoiser.multiples=[1]",
        "model.patch=2",
        "model.denoiser.sees_forecast=true",
        "model.context_net.use=false",
        "model.diffusion.conditioning_noise=0.1",
    ),
    "prediff of the difference": ("model.motion={}", "model.denoiser.depth=[1]"),
    "prediff along the motion": ("model.motion={difference: false}", "model.denoiser.depth=[1]"),
}
# what other settings make of a model is worth the time of the whole suite, not of a quick look
VARIANTS = [*MODELS, *(pytest.param(variant, marks=pytest.mark.slow) for variant in CHANGES)]


def spec_of(variant: str) -> ModelSpec:
    return load_spec(variant.partition(" ")[0])


def settings_of(variant: str) -> RunSettings:
    path = f"configs/smoke/{spec_of(variant).name}.yaml"
    return load_settings(path, CHANGES.get(variant, ()))


def _cases() -> Iterator[Any]:
    """(variant, stage); of changed settings the stages that take what is derived."""
    yield from ((model, stage) for model in MODELS for stage in load_spec(model).stages)
    for variant in CHANGES:
        for name, stage in spec_of(variant).stages.items():
            if stage.derive(settings_of(variant).model) is not None:
                yield pytest.param(variant, name, marks=pytest.mark.slow)


CASES = [*_cases()]


def build_networks(model: str, stages: Any, seed: int = 0) -> dict[str, Any]:
    """Networks by stage name, as `Stage.requires` promises them: frozen, in evaluation mode."""
    spec, settings = spec_of(model), settings_of(model)
    ms.set_seed(seed)
    networks = {stage: spec.stages[stage].build_network(settings.model) for stage in stages}
    for network in networks.values():
        network.set_train(False)
        for parameter in network.get_parameters():
            parameter.requires_grad = False
    return networks


def build_stage(model: str, name: str) -> tuple[Stage, Any, dict[str, Any], tuple[Objective, ...]]:
    """A stage, its own network, the frozen ones and the objectives."""
    stage, settings = spec_of(model).stages[name], settings_of(model)
    frozen = build_networks(model, stage.requires)
    ms.set_seed(3)  # with some a squeeze gate of two units is shut
    network = stage.build_network(settings.model)
    return stage, network, frozen, stage.build_objectives(settings.model, network, frozen)


def shaken(cells: Any) -> None:
    """Add a little noise to every parameter: zero initialisation hides what a gradient reaches."""
    rng = np.random.default_rng(4)
    for parameter in {id(p): p for cell in cells for p in cell.get_parameters()}.values():
        noise = 0.05 * rng.random(parameter.shape, np.float32)
        parameter.set_data(parameter.value() + ms.Tensor(noise))


def batch(model: str, stage: Stage, frozen: dict[str, Any], size: int = 2) -> Named:
    """What losses take by name, in the data's scale, for the window of the stage."""
    settings, rng = settings_of(model), np.random.default_rng(2)
    samples, derive = sample(stage.window(settings.model), size, rng), stage.derive(settings.model)
    drawn = stage.draw(settings.model, rng, size)
    if derive is not None:
        each = [samples.mapped(itemgetter(number)) for number in range(size)]
        samples = stacked([derive(one, rng) for one in each])
    named = {**samples.named, **drawn}
    if stage.encode is not None:
        encoder = Encoder(stage.encode(settings.model, frozen), limit=0, graph=False)
        named |= encoder(named, training=True)
    return named


def sample(window: Window | Patch, size: int, rng: np.random.Generator) -> Sample[Any]:
    """A batch of samples as `ModelSpec.task` describes them."""
    if isinstance(window, Window):
        frames = rng.random((size, window.length, *window.frame, 1), np.float32)
        context, truth = np.split(frames, [window.context], axis=1)
        return Sample(NowcastInput(context), truth if truth.shape[1] else None)
    levels, factor = len(window.levels_hpa), window.factor
    fine = window.frame or (9, 11)  # a whole domain may have any size
    coarse = tuple(cells(n, factor) for n in fine)

    def field(shape: tuple[int, ...], channels: int, low: float, high: float) -> np.ndarray:
        return rng.uniform(low, high, (size, *shape, channels)).astype(np.float32)

    priors = field((levels, *coarse), 7, -1, 1)
    priors[..., -1] = 1  # winds are there
    weight = np.ones((size, levels, *fine, 1), np.float32)
    weight[:, 0, 0] = 0  # some of the lowest level lies below the ground
    closed = np.zeros((size, *fine, 1), np.float32)
    closed[0] = 1  # a batch of a periodic domain and others
    rows = np.broadcast_to(field((fine[0], 1), 1, 0.5, 1), closed.shape)
    inputs = DownscaleInput(
        temperature_lr=field((levels, *coarse), 1, 220, 290),
        wind_lr=field((levels, *coarse), 3, -10, 10),
        priors_lr=priors,
        statics=field(fine, 3, 0, 1),
        metric=np.concatenate([field(fine, 2, 2e4, 3e4), closed, rows], -1),
        weight=weight,
    )
    return Sample(inputs, field((levels, *fine), 1, 220, 290))


def phases(objectives: tuple[Objective, ...]) -> Iterator[tuple[Objective, int]]:
    """(objective, first optimiser step) of every phase."""
    for objective in objectives:
        for first, _ in objective.phases:
            yield objective, first


def forecaster_of(
    model: str, networks: dict[str, Any], seed: int = 0, compiled: bool = False, **sampling: Any
) -> Any:
    chosen = SAMPLING.model_copy(update=sampling)
    return spec_of(model).build_forecaster(
        settings_of(model).model, networks, chosen, seed, compiled
    )


def input_and_truth(model: str, cases: int = 1) -> tuple[Input, np.ndarray]:
    """What a forecast may use, and what came; all cases alike."""
    window = spec_of(model).window(settings_of(model).model)
    one = sample(window, 1, np.random.default_rng(3))
    same = one.mapped(lambda array: np.concatenate([array] * cases))
    return same.input, same.known_truth


def misshapen(given: Input) -> list[tuple[Input, np.ndarray]]:
    """(input, the array in it that is wrong)."""
    name, first = next(iter(given.named.items()))
    wrong = (first[:, 1:], first[..., :-1, :], first[0], np.concatenate([first] * 2, -1))
    return [(replace(given, **{name: array}), array) for array in wrong]
