"""DPM-Solver++(2M) (Lu et al. 2022, "DPM-Solver++", algorithm 2): second order, without noise.

From level s to the less noisy t, with alpha = sqrt(alpha_bar), sigma = sqrt(1 - alpha_bar) and
h = lambda_t - lambda_s, lambda = log(alpha / sigma),

    x_t = (sigma_t / sigma_s) x_s + alpha_t (1 - e^{-h}) D

with D extrapolated from two estimates of clean data, see `multistep`. The look-alike `ddim` with
eta = 0 is the same with D = x0: its error falls with the number of steps, this one's with its
square.
"""

from __future__ import annotations

import math

import numpy as np

from mindcast.diffusion.process import DiffusionProcess
from mindcast.diffusion.samplers.base import Plan, refuse_eta
from mindcast.diffusion.samplers.multistep import Coefficients, Level, second_order_plan


def plan(process: DiffusionProcess, times: np.ndarray, eta: float = 0.0) -> Plan:
    """See `multistep.second_order_plan`. Raises Refusal for an eta, which the sampler has not."""
    refuse_eta("dpmpp_2m", eta)
    return second_order_plan(process, times, _first_order)


def _first_order(s: Level, t: Level) -> Coefficients:
    h = t.log_ratio - s.log_ratio
    return Coefficients(of_x=t.sigma / s.sigma, of_x0=-t.alpha * math.expm1(-h), noise=0.0)
