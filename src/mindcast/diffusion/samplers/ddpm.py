"""Ancestral sampling (Ho et al. 2020, algorithm 2).

Each step draws from the posterior q(x_{t-1} | x_t, x0) with the estimated x0. With fewer steps
than the process has, the posterior is that of the process respaced to the visited times (Nichol
and Dhariwal 2021, section 4). The look-alike `ddim` with eta = 1 has the same coefficients;
its eta = 0 leaves the noise out.
"""

from __future__ import annotations

import numpy as np

from mindcast.diffusion.process import DiffusionProcess
from mindcast.diffusion.samplers.base import Plan, SamplerStep, refuse_eta


def plan(process: DiffusionProcess, times: np.ndarray, eta: float = 0.0) -> Plan:
    """An ancestral step at each of `times` (rising); the last adds no noise and lands on x0.

    guidance_sigma is exp(log variance / 2) with the clipped log variance, as in the reference: in
    the last step it is 1e-10, where sigma is 0. Raises Refusal for an eta, which DDPM has not.
    """
    refuse_eta("ddpm", eta)
    respaced = process.respaced(times)
    return tuple(_step(respaced, k, int(times[k])) for k in reversed(range(len(times))))


def _step(respaced: DiffusionProcess, k: int, t: int) -> SamplerStep:
    posterior = respaced.posterior(k)
    deviation = float(np.exp(0.5 * posterior.log_variance))
    return SamplerStep(
        t=t,
        x0_coefficient=float(posterior.x0_coefficient),
        x_coefficient=float(posterior.x_coefficient),
        sigma=deviation if k > 0 else 0.0,
        guidance_sigma=deviation,
    )
