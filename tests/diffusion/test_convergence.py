from itertools import pairwise

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from mindcast.diffusion.process import DiffusionProcess
from mindcast.diffusion.samplers import SAMPLERS
from mindcast.diffusion.schedules import beta_schedule

PROCESS = DiffusionProcess(beta_schedule("linear_rescaled", 8192))
FIRST, LAST = 8191, 2047  # from nearly pure noise to where the modes have parted
MEANS, VARIANCE = np.array([-1.0, 0.5, 0.9]), 0.02
SHARES = np.array([0.3, 0.5, 0.2])


def estimate(x, alpha_bar):
    """E[x0 | x]: of every Gaussian as in one dimension, weighted by how likely x came from it."""
    variance = alpha_bar * VARIANCE + 1 - alpha_bar
    distance = x[:, None] - alpha_bar**0.5 * MEANS
    likelihood = SHARES * np.exp(-(distance**2) / (2 * variance))
    each = MEANS + alpha_bar**0.5 * VARIANCE / variance * distance
    return (likelihood * each).sum(1) / likelihood.sum(1)


def log_ratio(t):
    return 0.5 * np.log(PROCESS.alpha_bar[t] / (1 - PROCESS.alpha_bar[t]))


@pytest.fixture(scope="module")
def start():
    return np.random.default_rng(0).standard_normal(50)


@pytest.fixture(scope="module")
def solution(start):
    """Of the probability-flow ODE: y = x / sigma obeys dy / d lambda = e^lambda E[x0 | x]."""

    def slope(ratio, y):
        alpha_bar = 1 / (1 + np.exp(-2 * ratio))
        return np.exp(ratio) * estimate((1 - alpha_bar) ** 0.5 * y, alpha_bar)

    spread = PROCESS.sqrt_one_minus_alpha_bar
    ratios = (log_ratio(FIRST), log_ratio(LAST))
    solved = solve_ivp(slope, ratios, start / spread[FIRST], rtol=1e-9, atol=1e-11)
    return solved.y[:, -1] * spread[LAST]


def error(name, steps, start, solution):
    """Largest error at LAST, before the jump to clean data, after `steps` equal jumps in time."""
    times = np.linspace(LAST, FIRST, steps + 1).astype(int)
    x, before = start, np.zeros_like(start)
    for step in SAMPLERS[name](PROCESS, times, 0.0)[:-1]:
        x0 = estimate(x, PROCESS.alpha_bar[step.t])
        x = step.x0_coefficient * x0 + sum(step.earlier) * before + step.x_coefficient * x
        before = x0
    return np.abs(x - solution).max()


@pytest.mark.parametrize(("name", "order"), [("ddim", 1), ("dpmpp_2m", 2)])
def test_the_error_falls_with_the_order_of_the_sampler(name, order, start, solution):
    errors = [error(name, steps, start, solution) for steps in (64, 128, 256)]
    for coarse, fine in pairwise(errors):
        assert np.log2(coarse / fine) == pytest.approx(order, abs=0.2)
    assert errors[-1] > 1e-9  # above the error of the reference
