"""Noise schedules: beta_t for t = 0 .. T-1, NumPy float64.

Most names are those of the latent-diffusion code family, which calls the schedule that is linear
in sqrt(beta) "linear" and the one that is linear in beta "sqrt_linear". "linear_rescaled" is the
latter with beta scaled by 1000 / T, so that other T end at about the same noise.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeVar

import numpy as np

from mindcast.refusal import Refusal

COSINE_OFFSET = 8e-3
LARGEST_BETA = 0.999
USUAL_STEPS = 1000  # the T for which start and end of "linear_rescaled" are meant
SIGMOID_REACH = 3.0

Number = TypeVar("Number", float, np.ndarray)


def beta_schedule(
    name: str,
    steps: int,
    start: float = 1e-4,
    end: float = 2e-2,
    offset: float = COSINE_OFFSET,
    largest: float = LARGEST_BETA,
) -> np.ndarray:
    """beta (steps,) float64 of the schedule `name`.

    start, end: first and last beta of the linear kinds ("sqrt": of what is rooted;
        "linear_rescaled": for T = 1000).
    offset: the `s` of the cosine schedule. largest: what the betas of "cosine" are capped at.
    Raises Refusal for an unknown name or steps < 1.
    """
    if name not in SCHEDULES:
        raise Refusal(f"schedule: {name!r}, expected one of {', '.join(SCHEDULES)}")
    if steps < 1:
        raise Refusal(f"timesteps: {steps}, must be at least 1")
    return SCHEDULES[name](steps, Options(start, end, offset, largest))


class Options(NamedTuple):
    """What the schedules may ask for, see `beta_schedule`."""

    start: float
    end: float
    offset: float
    largest: float


def _linear_in_root(steps: int, options: Options) -> np.ndarray:
    return np.linspace(np.sqrt(options.start), np.sqrt(options.end), steps, dtype=np.float64) ** 2


def _linear_in_beta(steps: int, options: Options) -> np.ndarray:
    return np.linspace(options.start, options.end, steps, dtype=np.float64)


def _root(steps: int, options: Options) -> np.ndarray:
    return np.sqrt(_linear_in_beta(steps, options))


def _cosine(steps: int, options: Options) -> np.ndarray:
    """Nichol and Dhariwal 2021, eq. 17: alpha_bar_t = f(t) / f(0), f a squared cosine."""
    k = np.arange(steps + 1, dtype=np.float64)
    angle = (k / steps + options.offset) / (1 + options.offset) * np.pi / 2
    return _beta_of(np.cos(angle) ** 2, options.largest)


def _linear_rescaled(steps: int, options: Options) -> np.ndarray:
    """Differs: a beta above 0.999, which fewer than about 20 steps bring, is capped."""
    scale = USUAL_STEPS / steps
    return np.minimum(scale * _linear_in_beta(steps, options), LARGEST_BETA)


def _sigmoid(steps: int, options: Options) -> np.ndarray:
    """Jabri et al. 2023: alpha_bar falls like sigmoid(3) - sigmoid(6 u - 3), u = t / T.

    The constant is rounded to float32 as in the released checkpoints: in float64 the first betas
    would differ by 1e-5 of their size.
    """
    u = np.arange(steps + 1, dtype=np.float64) / steps
    top = float(np.float32(_logistic(SIGMOID_REACH)))
    return _beta_of(top - _logistic(2 * SIGMOID_REACH * u - SIGMOID_REACH))


def _logistic(x: Number) -> Number:
    return 1 / (1 + np.exp(-x))


def _beta_of(signal: np.ndarray, largest: float = LARGEST_BETA) -> np.ndarray:
    """beta (T,) from values (T + 1,) that alpha_bar is proportional to."""
    alpha_bar = signal / signal[0]
    return np.clip(1 - alpha_bar[1:] / alpha_bar[:-1], 0, largest)


SCHEDULES: dict[str, Callable[[int, Options], np.ndarray]] = {
    "linear": _linear_in_root,
    "sqrt_linear": _linear_in_beta,
    "cosine": _cosine,
    "sqrt": _root,
    "linear_rescaled": _linear_rescaled,
    "sigmoid": _sigmoid,
}
