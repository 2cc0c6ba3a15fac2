"""The Gaussian forward process and its posterior (Ho et al. 2020, section 2).

    q(x_t | x_0)          = N(sqrt(alpha_bar_t) x_0, (1 - alpha_bar_t) I)              eq. 4
    q(x_{t-1} | x_t, x_0) = N(c0_t x_0 + c_t x_t, posterior_variance_t I)              eqs. 6, 7

Times run from 0 (least noise) to T - 1, so alpha_bar "before" time 0 is 1: clean data. Everything
is NumPy float64, computed once; the cells that use it turn it into float32 constants.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

SMALLEST_VARIANCE = 1e-20  # the posterior variance at t = 0 is 0, its logarithm is clipped here


class Posterior(NamedTuple):
    """q(x_{t-1} | x_t, x_0): mean = x0_coefficient x_0 + x_coefficient x_t."""

    x0_coefficient: np.ndarray
    x_coefficient: np.ndarray
    variance: np.ndarray
    log_variance: np.ndarray


class DiffusionProcess:
    """All quantities of a process with the given betas, each an array (T,) float64.

    beta, alpha = 1 - beta, alpha_bar (running product of alpha), alpha_bar_previous (alpha_bar one
    step earlier, 1 first) and the square roots and logarithms of their names.
    posterior_*: the terms of eqs. 6 and 7; the log variance is clipped from below.
    v_posterior: 0 gives the true posterior variance, 1 gives beta, in between a blend.
    """

    def __init__(self, beta: np.ndarray, v_posterior: float = 0.0) -> None:
        self.beta = np.asarray(beta, np.float64)
        self.v_posterior = v_posterior
        self.alpha = 1 - self.beta
        self.alpha_bar = np.cumprod(self.alpha)
        self.alpha_bar_previous = np.append(1.0, self.alpha_bar[:-1])

        self.sqrt_alpha_bar = np.sqrt(self.alpha_bar)
        self.sqrt_one_minus_alpha_bar = np.sqrt(1 - self.alpha_bar)
        self.log_one_minus_alpha_bar = np.log(1 - self.alpha_bar)
        self.sqrt_recip_alpha_bar = np.sqrt(1 / self.alpha_bar)
        self.sqrt_recip_alpha_bar_minus_one = np.sqrt(1 / self.alpha_bar - 1)

        remaining = (1 - self.alpha_bar_previous) / (1 - self.alpha_bar)
        self.posterior_x0_coefficient = (
            self.beta * np.sqrt(self.alpha_bar_previous) / (1 - self.alpha_bar)
        )
        self.posterior_x_coefficient = remaining * np.sqrt(self.alpha)
        self.posterior_variance = self.beta * ((1 - v_posterior) * remaining + v_posterior)
        self.posterior_log_variance = np.log(np.maximum(self.posterior_variance, SMALLEST_VARIANCE))

    @property
    def timesteps(self) -> int:
        """T, the number of noise levels."""
        return len(self.beta)

    def posterior(self, t: int | np.ndarray) -> Posterior:
        """Coefficients and variance of q(x_{t-1} | x_t, x_0) at a time or an array of times."""
        return Posterior(
            self.posterior_x0_coefficient[t],
            self.posterior_x_coefficient[t],
            self.posterior_variance[t],
            self.posterior_log_variance[t],
        )

    def respaced(self, times: np.ndarray) -> DiffusionProcess:
        """The process that visits only `times` (rising), with the same alpha_bar at each."""
        alpha_bar = self.alpha_bar[times]
        return DiffusionProcess(1 - alpha_bar / np.append(1.0, alpha_bar[:-1]), self.v_posterior)


def vlb_weights(
    beta: np.ndarray, posterior_variance: np.ndarray, alpha: np.ndarray, alpha_bar: np.ndarray
) -> np.ndarray:
    """Weight of |epsilon - epsilon_hat|^2 in the variational bound (Ho et al. 2020, eq. 12).

    At t = 0 the bound's term is a likelihood and the formula divides by 0: the second weight
    stands in, as in the reference. Keeps the dtype of its arguments (T,).
    """
    weights = beta[1:] ** 2 / (2 * posterior_variance[1:] * alpha[1:] * (1 - alpha_bar[1:]))
    return np.append(weights[:1], weights)
