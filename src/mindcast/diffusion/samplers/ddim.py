"""DDIM (Song, Meng and Ermon 2021, eq. 12 and 16).

From noise level t to s < t, with the estimate x0 and the epsilon that it implies,

    x_s = sqrt(alpha_bar_s) x0 + sqrt(1 - alpha_bar_s - sigma^2) epsilon + sigma noise
    epsilon = (x_t - sqrt(alpha_bar_t) x0) / sqrt(1 - alpha_bar_t)
    sigma = eta sqrt((1 - alpha_bar_s) / (1 - alpha_bar_t)) sqrt(1 - alpha_bar_t / alpha_bar_s)

epsilon is always re-derived, so clipping x0 keeps the two consistent. eta = 0 is deterministic,
eta = 1 has the variance, and with it every coefficient, of the look-alike `ddpm`.
"""

from __future__ import annotations

import math

import numpy as np

from mindcast.diffusion.process import DiffusionProcess
from mindcast.diffusion.samplers.base import Plan, SamplerStep, ancestral_deviation


def plan(process: DiffusionProcess, times: np.ndarray, eta: float = 0.0) -> Plan:
    """A step at each of `times` (rising); the last one goes to alpha_bar = 1: it lands on x0.

    guidance_sigma is the sigma of eta = 1 between the same two levels, whatever `eta` is.
    """
    levels = [1.0, *(float(process.alpha_bar[t]) for t in times)]
    return tuple(
        step_between(int(times[k]), levels[k + 1], levels[k], eta)
        for k in reversed(range(len(times)))
    )


def step_between(t: int, alpha_bar_t: float, alpha_bar_s: float, eta: float) -> SamplerStep:
    """From the level of time t to the one with alpha_bar_s, less noisy."""
    ancestral = ancestral_deviation(alpha_bar_t, alpha_bar_s)
    sigma = eta * ancestral
    direction = math.sqrt(max(1 - alpha_bar_s - sigma**2, 0.0)) / math.sqrt(1 - alpha_bar_t)
    return SamplerStep(
        t=t,
        x0_coefficient=math.sqrt(alpha_bar_s) - direction * math.sqrt(alpha_bar_t),
        x_coefficient=direction,
        sigma=sigma,
        guidance_sigma=ancestral,
    )
