"""What a model says of weights in files: which networks it knows, under which names and sizes.

Pure NumPy. `mindcast.conversion` finds in a file what these faces describe.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from mindcast.diffusion.process import DiffusionProcess
from mindcast.refusal import Refusal

Weights = Mapping[str, np.ndarray]
Found = dict[str, Any]  # "section.key" of the model's settings -> value

SCHEDULE = {  # buffers of a diffusion as the references name them -> ours
    "betas": "beta",
    "alphas_cumprod": "alpha_bar",
    "alphas_cumprod_prev": "alpha_bar_previous",
    "sqrt_alphas_cumprod": "sqrt_alpha_bar",
    "sqrt_one_minus_alphas_cumprod": "sqrt_one_minus_alpha_bar",
    "log_one_minus_alphas_cumprod": "log_one_minus_alpha_bar",
    "sqrt_recip_alphas_cumprod": "sqrt_recip_alpha_bar",
    "sqrt_recipm1_alphas_cumprod": "sqrt_recip_alpha_bar_minus_one",
    "posterior_variance": "posterior_variance",
    "posterior_log_variance_clipped": "posterior_log_variance",
    "posterior_mean_coef1": "posterior_x0_coefficient",
    "posterior_mean_coef2": "posterior_x_coefficient",
}


class Shapes(Mapping[str, tuple[int, ...]]):
    """Shapes by name, read with a Refusal that names what is missing."""

    def __init__(self, shapes: Mapping[str, tuple[int, ...]]) -> None:
        self.shapes = dict(shapes)

    def __getitem__(self, name: str) -> tuple[int, ...]:
        return self.shapes[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.shapes)

    def __len__(self) -> int:
        return len(self.shapes)

    def size(self, name: str, axis: int) -> int:
        """The length of an axis; Refusal where there is no such tensor, axis or length."""
        if name not in self.shapes:
            raise Refusal(f"it has no {name}, from which the sizes are read; use a whole file")
        shape = self.shapes[name]
        if not -len(shape) <= axis < len(shape) or shape[axis] < 1:
            raise Refusal(f"{name} is {shape}, which is no weight of that network")
        return shape[axis]

    def count(self, beginning: str) -> int:
        """How many of beginning + "0.", beginning + "1.", ... begin a name."""
        number = 0
        while any(name.startswith(f"{beginning}{number}.") for name in self.shapes):
            number += 1
        return number

    def under(self, prefix: str) -> Shapes:
        """Those whose names begin so, without it."""
        return Shapes({n.removeprefix(prefix): s for n, s in self.items() if n.startswith(prefix)})


@dataclass(frozen=True)
class ReleasedNetwork:
    """A network in a file, told by its names.

    stage: of the model. has: names that every state dict of it holds, in each of which no size
    occurs; below one and the same prefix. configuration: of configs/, as it was published.
    parts: stages whose networks it contains. companion: the prefix under which the training of
    another network carries this one along. remark: what a user of it has to know.
    """

    stage: str
    has: tuple[str, ...]
    configuration: str
    parts: tuple[str, ...] = ()
    companion: str = ""
    remark: str = ""


def as_named(weights: Weights) -> dict[str, np.ndarray]:
    """`Released.common` where nobody else has written the weights under other names."""
    return dict(weights)


def as_they_are(stage: str, weights: Weights, settings: Any = None) -> dict[str, np.ndarray]:
    """`Released.to_ours` and `to_reference` of a model that is nowhere but here."""
    return dict(weights)


def nothing_read(stage: str, shapes: Shapes, settings: Any) -> Found:
    """`Released.read_off` of such a model, whose files say their settings."""
    return {}


def no_buffers(settings: Any) -> dict[str, np.ndarray]:
    """`Released.buffers` where trainings keep nothing beside the networks."""
    return {}


@dataclass(frozen=True)
class Released:
    """The face of a model towards files of weights; the defaults are those of one of our own.

    networks: those that a file may hold.
    copy: which of "raw" and "ema" the authors forecast with, where a file has both.
    beside: names, or beginnings that end in a dot, of what training checkpoints hold beside the
        networks and nobody needs.
    common(names): a state dict's names as the reference has them, whoever wrote it.
    to_ours(stage, weights): the reference's names and shapes to ours.
    to_reference(stage, weights, settings): the way back, with all that the reference's state dict
        holds and our networks derive: tables of positions, of the noise schedule, second names.
    read_off(stage, shapes, settings): the model's settings as far as the shapes (ours, and the
        reference's where it alone has a tensor) decide them; `settings` are those without that.
    buffers(settings): arrays that may stand beside a network and must agree with the settings.
    build(stage, settings, shapes): a network that is none of our stages, for its names and shapes.
    """

    networks: tuple[ReleasedNetwork, ...] = ()
    copy: str = "raw"
    beside: tuple[str, ...] = ()
    common: Callable[[Weights], dict[str, np.ndarray]] = as_named
    to_ours: Callable[[str, Weights], dict[str, np.ndarray]] = as_they_are
    to_reference: Callable[[str, Weights, Any], dict[str, np.ndarray]] = as_they_are
    read_off: Callable[[str, Shapes, Any], Found] = nothing_read
    buffers: Callable[[Any], dict[str, np.ndarray]] = no_buffers
    build: Callable[[str, Any, Shapes], Any] | None = None


def schedule_buffers(process: DiffusionProcess) -> dict[str, np.ndarray]:
    """The twelve tables (T,) float32 that the references register of a process."""
    return {theirs: getattr(process, ours).astype(np.float32) for theirs, ours in SCHEDULE.items()}
