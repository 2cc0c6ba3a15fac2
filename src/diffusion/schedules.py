"""Noise schedules: beta_t for t = 0 .. T-1, NumPy float64.

The names are those of the latent-diffusion code family, which calls the schedule that is linear
in sqrt(beta) "linear" and the one that is linear in beta "sqrt_linear".
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from src.refusal import Refusal

COSINE_OFFSET = 8e-3
LARGEST_BETA = 0.999


def beta_schedule(
    name: str, steps: int, start: float = 1e-4, end: float = 2e-2, offset: float = COSINE_OFFSET
) -> np.ndarray:
    """beta (steps,) float64 of the schedule `name`.

    start, end: first and last beta of the three linear kinds ("sqrt": of what is rooted).
    offset: the `s` of the cosine schedule. Raises Refusal for an unknown name or steps < 1.
    """
    if name not in SCHEDULES:
        raise Refusal(f"schedule: {name!r}, expected one of {', '.join(SCHEDULES)}")
    if steps < 1:
        raise Refusal(f"timesteps: {steps}, must be at least 1")
    return SCHEDULES[name](steps, start, end, offset)


def _linear_in_root(steps: int, start: float, end: float, offset: float) -> np.ndarray:
    return np.linspace(np.sqrt(start), np.sqrt(end), steps, dtype=np.float64) ** 2


def _linear_in_beta(steps: int, start: float, end: float, offset: float) -> np.ndarray:
    return np.linspace(start, end, steps, dtype=np.float64)


def _root(steps: int, start: float, end: float, offset: float) -> np.ndarray:
    return np.sqrt(_linear_in_beta(steps, start, end, offset))


def _cosine(steps: int, start: float, end: float, offset: float) -> np.ndarray:
    """Nichol and Dhariwal 2021, eq. 17: alpha_bar_t = f(t) / f(0), f a squared cosine."""
    k = np.arange(steps + 1, dtype=np.float64)
    f = np.cos((k / steps + offset) / (1 + offset) * np.pi / 2) ** 2
    alpha_bar = f / f[0]
    return np.clip(1 - alpha_bar[1:] / alpha_bar[:-1], 0, LARGEST_BETA)


SCHEDULES: dict[str, Callable[[int, float, float, float], np.ndarray]] = {
    "linear": _linear_in_root,
    "sqrt_linear": _linear_in_beta,
    "cosine": _cosine,
    "sqrt": _root,
}
