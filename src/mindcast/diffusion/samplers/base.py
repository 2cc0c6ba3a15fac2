"""What a sampler is: a plan of linear steps, computed before any network runs."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mindcast.diffusion.process import DiffusionProcess
from mindcast.refusal import Refusal


@dataclass(frozen=True)
class SamplerStep:
    """One step of a plan:

        x_next = x0_coefficient x0 + sum over k of earlier[k] x0[k]
                 + x_coefficient x + sigma noise - scale guidance_sigma gradient

    t: the time that the network gets. x0: the estimate of clean data made there; x0[k]: the one
        made k + 1 steps before. earlier: empty for a step that needs none of those.
    sigma: standard deviation of the fresh noise, 0 in the last step.
    guidance_sigma: standard deviation of the ancestral (DDPM) step between the same two noise
        levels, which scales guidance whatever noise the sampler itself adds. It grows about as the
        square root of a jump's length, so a plan of S of T steps steers about sqrt(S / T) as much.
    """

    t: int
    x0_coefficient: float
    x_coefficient: float
    sigma: float
    guidance_sigma: float
    earlier: tuple[float, ...] = ()

    @property
    def coefficients(self) -> np.ndarray:
        """(x0_coefficient, x_coefficient, sigma, guidance_sigma), what a `SamplingStep` takes."""
        return np.array(
            (self.x0_coefficient, self.x_coefficient, self.sigma, self.guidance_sigma), np.float32
        )


def ancestral_deviation(alpha_bar_s: float, alpha_bar_t: float) -> float:
    """Standard deviation of the ancestral (DDPM) step from the noisier level s to t."""
    return math.sqrt((1 - alpha_bar_t) / (1 - alpha_bar_s) * (1 - alpha_bar_s / alpha_bar_t))


Plan = tuple[SamplerStep, ...]
Sampler = Callable[[DiffusionProcess, np.ndarray, float], Plan]  # (process, times, eta) -> plan


def even_times(timesteps: int, steps: int) -> np.ndarray:
    """The times, rising, of `steps` equal jumps down from T - 1 to clean data.

    Jump k ends at floor(k T / steps) - 1, and "-1" is clean data: the plan starts at the noisiest
    level, and its last jump is as long as the others ("trailing" in Lin et al. 2024, table 2).
    """
    return np.arange(1, steps + 1) * timesteps // steps - 1


def endpoint_times(timesteps: int, steps: int) -> np.ndarray:
    """At most `steps` times, rising, evenly from 0 to T - 1, both included, rounded half to even.

    One step starts at T - 1. Where rounding gives a time twice it is visited once.
    """
    if steps == 1:
        return np.array([timesteps - 1])
    return np.unique(np.round(np.linspace(0, timesteps - 1, steps))).astype(int)


SPACINGS = {"even": even_times, "endpoints": endpoint_times}


def refuse_eta(name: str, eta: float) -> None:
    """Refusal for a share of noise, of a sampler that has no choice of it."""
    if eta != 0:
        raise Refusal(f"sampling.eta: {eta}, {name} has none; leave it out or use sampler ddim")
