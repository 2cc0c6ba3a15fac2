from itertools import pairwise

import numpy as np
import pytest

from mindcast.diffusion.process import DiffusionProcess
from mindcast.diffusion.samplers import SAMPLERS, make_plan
from mindcast.diffusion.schedules import beta_schedule
from mindcast.refusal import Refusal

PROCESS = DiffusionProcess(beta_schedule("linear", 1000))
ALL = [("ddpm", 0.0), ("ddim", 0.0), ("ddim", 0.5), ("ddim", 1.0)]  # (sampler, eta)
EACH = pytest.mark.parametrize(("name", "eta"), ALL)


def fields(step):
    return (step.t, step.x0_coefficient, step.x_coefficient, step.sigma)


def test_every_sampler_is_tested_here():
    assert {name for name, _ in ALL} == set(SAMPLERS)


@EACH
@pytest.mark.parametrize("steps", [1, 7, 999, 1000])
def test_a_plan_has_the_asked_steps_and_falls_from_the_noisiest_time(name, eta, steps):
    times = [step.t for step in make_plan(name, PROCESS, steps, eta)]
    assert len(times) == steps
    assert times[0] == 999
    assert (np.diff(times) < 0).all()
    assert times[-1] >= 0


@EACH
@pytest.mark.parametrize("steps", [1, 7, 1000])
def test_the_last_step_lands_exactly_on_the_estimate(name, eta, steps):
    last = make_plan(name, PROCESS, steps, eta)[-1]
    assert last.coefficients[:3].tolist() == [1, 0, 0]


@EACH
@pytest.mark.parametrize("steps", [9, 1000])
def test_steps_keep_the_marginal_distribution_of_the_process(name, eta, steps):
    # x = s x0 + r e becomes (c0 + c s) x0 + c r e + sigma z, which must be distributed as
    # s' x0 + r' e' one level further
    plan = make_plan(name, PROCESS, steps, eta)
    for step, following in pairwise(plan):
        before, after = PROCESS.alpha_bar[step.t], PROCESS.alpha_bar[following.t]
        signal = step.x0_coefficient + step.x_coefficient * before**0.5
        variance = step.x_coefficient**2 * (1 - before) + step.sigma**2
        assert signal == pytest.approx(after**0.5, rel=1e-9)
        assert variance == pytest.approx(1 - after, rel=1e-9)


@EACH
def test_the_exact_denoiser_of_a_gaussian_gives_that_gaussian(name, eta):
    # for data N(mu, s^2): E[x0 | x] = mu + k (x - sqrt(a) mu), k = sqrt(a) s^2 / (a s^2 + 1 - a),
    # so mean and variance of x follow the plan in closed form
    mu, s2 = 0.7, 0.09
    mean, variance = 0.0, 1.0
    for step in make_plan(name, PROCESS, 500, eta):
        a = PROCESS.alpha_bar[step.t]
        k = a**0.5 * s2 / (a * s2 + 1 - a)
        of_x = step.x0_coefficient * k + step.x_coefficient
        mean = of_x * mean + step.x0_coefficient * (1 - k * a**0.5) * mu
        variance = of_x**2 * variance + step.sigma**2
    assert mean == pytest.approx(mu, rel=0.02)
    assert variance == pytest.approx(s2, rel=0.03)


@pytest.mark.parametrize("steps", [10, 1000])
def test_ddim_with_full_noise_is_ddpm(steps):
    ancestral = make_plan("ddpm", PROCESS, steps)
    ddim = make_plan("ddim", PROCESS, steps, 1.0)
    for one, other in zip(ancestral, ddim, strict=True):
        assert fields(one) == pytest.approx(fields(other), rel=1e-6, abs=1e-9)


def test_ddpm_with_all_steps_has_the_posterior_of_the_process():
    for step in make_plan("ddpm", PROCESS, 1000)[:-1]:
        posterior = PROCESS.posterior(step.t)
        assert step.x0_coefficient == pytest.approx(posterior.x0_coefficient, rel=1e-9)
        assert step.x_coefficient == pytest.approx(posterior.x_coefficient, rel=1e-9)
        assert step.sigma == pytest.approx(posterior.variance**0.5, rel=1e-6)


def test_ddim_is_deterministic_without_eta_but_can_still_be_guided():
    plan = make_plan("ddim", PROCESS, 10)
    assert all(step.sigma == 0 for step in plan)
    assert [s.guidance_sigma for s in plan] == [
        s.sigma for s in make_plan("ddim", PROCESS, 10, 1.0)
    ]
    assert min(step.guidance_sigma for step in plan[:-1]) > 0


def test_ddpm_guidance_is_scaled_by_the_clipped_deviation_also_in_the_last_step():
    # log variance is clipped at log 1e-20
    plan = make_plan("ddpm", PROCESS, 1000)
    assert plan[-1].guidance_sigma == pytest.approx(1e-10)
    assert plan[0].guidance_sigma == plan[0].sigma


def test_even_spacing_makes_jumps_of_one_length_also_the_last():
    assert [step.t for step in make_plan("ddim", PROCESS, 4)] == [999, 749, 499, 249]


def test_endpoint_spacing_visits_both_ends_and_no_time_twice():
    times = [step.t for step in make_plan("ddim", PROCESS, 3, spacing="endpoints")]
    assert times == [999, 500, 0]  # 499.5 rounds to the even number
    assert [s.t for s in make_plan("ddim", PROCESS, 1, spacing="endpoints")] == [999]
    every = make_plan("ddpm", PROCESS, 1000, spacing="endpoints")
    assert [s.t for s in every] == list(range(999, -1, -1))


def test_unknown_sampler_is_refused_with_the_known_names():
    with pytest.raises(Refusal, match=r"sampling\.sampler: 'euler', expected one of ddpm, ddim"):
        make_plan("euler", PROCESS, 10)


@pytest.mark.parametrize("steps", [0, 1001])
def test_impossible_step_counts_are_refused(steps):
    with pytest.raises(Refusal, match=rf"sampling\.steps: {steps}, expected 1 to 1000"):
        make_plan("ddpm", PROCESS, steps)


@pytest.mark.parametrize("eta", [-0.1, 1.5])
def test_impossible_eta_is_refused(eta):
    with pytest.raises(Refusal, match=rf"sampling\.eta: {eta}, expected a number from 0 to 1"):
        make_plan("ddim", PROCESS, 10, eta)


def test_eta_is_refused_where_it_has_no_meaning():
    with pytest.raises(Refusal, match=r"sampling\.eta: 0\.5, ddpm has none"):
        make_plan("ddpm", PROCESS, 10, 0.5)
