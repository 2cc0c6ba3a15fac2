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


def trailing_times(process: DiffusionProcess, steps: int) -> np.ndarray:
    """The times, rising, of `steps` equal jumps down from T - 1 to clean data.

    Jump k ends at floor(k T / steps) - 1, and "-1" is clean data: the plan starts at the noisiest
    level, and its last jump is as long as the others ("trailing" in Lin et al. 2024, table 2).
    Their "leading" is not there: it starts from pure noise at a level that has less.
    """
    return np.arange(1, steps + 1) * process.timesteps // steps - 1


def endpoint_times(process: DiffusionProcess, steps: int) -> np.ndarray:
    """`steps` times, rising, evenly from 0 to T - 1, both included, rounded half to even.

    One step starts at T - 1. "linspace" in Lin et al. 2024, table 2.
    """
    if steps == 1:
        return np.array([process.timesteps - 1])
    return np.round(np.linspace(0, process.timesteps - 1, steps)).astype(int)


def log_snr_times(process: DiffusionProcess, steps: int) -> np.ndarray:
    """`steps` times, rising, about evenly in lambda = log(alpha / sigma), from time 0 to T - 1.

    The handcrafted steps of equal h of DPM-Solver (Lu et al. 2022); lambda is half the log of the
    signal-to-noise ratio. Rounded to whole times, of which each is visited once: where levels are
    too close to be told apart in time, the next free ones are taken.
    """
    last = process.timesteps - 1
    if steps == 1:
        return np.array([last])
    log_ratio = 0.5 * (np.log(process.alpha_bar) - process.log_one_minus_alpha_bar)
    wanted = np.linspace(log_ratio[0], log_ratio[last], steps)  # falls as time rises
    nearest = np.round(np.interp(-wanted, -log_ratio, np.arange(last + 1))).astype(int)
    number = np.arange(steps)
    once = np.maximum.accumulate(nearest - number) + number
    return np.minimum(once, last + 1 - steps + number)


TRAILING = "trailing"
SPACINGS: dict[str, Callable[[DiffusionProcess, int], np.ndarray]] = {
    TRAILING: trailing_times,
    "endpoints": endpoint_times,
    "log_snr": log_snr_times,
}


def refuse_eta(name: str, eta: float) -> None:
    """Refusal for a share of noise, of a sampler that has no choice of it."""
    if eta != 0:
        raise Refusal(f"sampling.eta: {eta}, {name} has none; leave it out or use sampler ddim")
