"""Second-order multistep plans in lambda = log(alpha / sigma) (Lu et al. 2022, "DPM-Solver++").

A first-order step holds the estimate of clean data constant from level s to the less noisy t. The
second-order one extrapolates it linearly in lambda, with the estimate of the step before:

    D = (1 + 1 / (2 r)) x0 - 1 / (2 r) x0_previous,    r = h_previous / h,  h = lambda_t - lambda_s

It takes the place of x0 in the step. In the first step there is no previous estimate, and the last
ends where lambda is infinite: these two are of first order.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from mindcast.diffusion.process import DiffusionProcess
from mindcast.diffusion.samplers.base import Plan, SamplerStep, ancestral_deviation


class Level(NamedTuple):
    """A noise level: alpha = sqrt(alpha_bar), sigma = sqrt(1 - alpha_bar), their log ratio."""

    alpha: float
    sigma: float
    log_ratio: float


class Coefficients(NamedTuple):
    """A first-order step: x_t = of_x x_s + of_x0 x0 + noise standard normal numbers."""

    of_x: float
    of_x0: float
    noise: float


def second_order_plan(
    process: DiffusionProcess,
    times: np.ndarray,
    first_order: Callable[[Level, Level], Coefficients],
) -> Plan:
    """A step at each of `times` (rising); the last one lands on x0.

    first_order(s, t): the step from level s to t, where t may be clean data (log ratio infinite).
    """
    visited = [(int(t), float(process.alpha_bar[t])) for t in reversed(times)]
    plan: list[SamplerStep] = []
    previous = math.inf  # the length of the jump before: 1 / r is 0 where there is none
    for (time, alpha_bar_s), (_, alpha_bar_t) in pairwise([*visited, (-1, 1.0)]):
        s, t = _level(alpha_bar_s), _level(alpha_bar_t)
        step, jump = first_order(s, t), t.log_ratio - s.log_ratio
        share = 0.0 if math.isinf(jump) else jump / (2 * previous)  # 1 / (2 r)
        plan.append(
            SamplerStep(
                t=time,
                x0_coefficient=(1 + share) * step.of_x0,
                x_coefficient=step.of_x,
                sigma=step.noise,
                guidance_sigma=ancestral_deviation(alpha_bar_s, alpha_bar_t),
                earlier=(-share * step.of_x0,) if share else (),
            )
        )
        previous = jump
    return tuple(plan)


def _level(alpha_bar: float) -> Level:
    """Differences of logarithms, not the logarithm of a ratio of small numbers."""
    if alpha_bar == 1:
        return Level(1.0, 0.0, math.inf)
    log_ratio = 0.5 * (math.log(alpha_bar) - math.log1p(-alpha_bar))
    return Level(math.sqrt(alpha_bar), math.sqrt(1 - alpha_bar), log_ratio)
