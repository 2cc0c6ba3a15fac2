from itertools import pairwise
from typing import get_args

import numpy as np
import pytest

from mindcast.config.schema import Sampling
from mindcast.diffusion.process import DiffusionProcess
from mindcast.diffusion.samplers import SAMPLERS, make_plan
from mindcast.diffusion.samplers.base import SPACINGS
from mindcast.diffusion.schedules import beta_schedule
from mindcast.refusal import Refusal

PROCESS = DiffusionProcess(beta_schedule("linear", 1000))
ETAS = {"ddim": (0.0, 0.5, 1.0)}
ALL = [(name, eta) for name in SAMPLERS for eta in ETAS.get(name, (0.0,))]
MULTISTEP = ("dpmpp_2m", "dpmpp_2m_sde")
EACH = pytest.mark.parametrize(("name", "eta"), ALL)


def fields(step):
    return (step.t, step.x0_coefficient, step.x_coefficient, step.sigma)


def moments(plan, mu, s2, mean=0.0, variance=1.0):
    """Mean and variance of x after every step, with the exact denoiser of data N(mu, s2).

    E[x0 | x] = mu + k (x - sqrt(a) mu), k = sqrt(a) s2 / (a s2 + 1 - a), is linear in x, and so is
    every step in (x, the estimate before): the joint moments of both follow it in closed form.
    """
    means, covariance = np.array([mean, 0.0]), np.diag([variance, 0.0])
    for step in plan:
        a = PROCESS.alpha_bar[step.t]
        k = a**0.5 * s2 / (a * s2 + 1 - a)
        of_estimate, of_earlier = step.x0_coefficient, sum(step.earlier)
        matrix = np.array([[of_estimate * k + step.x_coefficient, of_earlier], [k, 0]])
        means = matrix @ means + (1 - k * a**0.5) * mu * np.array([of_estimate, 1])
        covariance = matrix @ covariance @ matrix.T + np.diag([step.sigma**2, 0])
        yield means[0], covariance[0, 0]


@EACH
@pytest.mark.parametrize("steps", [1, 7, 999, 1000])
def test_a_plan_has_the_asked_steps_and_falls_from_the_noisiest_time(name, eta, steps):
    times = [step.t for step in make_plan(name, PROCESS, steps, eta)]
    assert len(times) == steps
    assert times[0] == 999
    assert (np.diff(times) <= 0).all()
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
        of_x0 = step.x0_coefficient + sum(step.earlier)
        signal = of_x0 + step.x_coefficient * before**0.5
        variance = step.x_coefficient**2 * (1 - before) + step.sigma**2
        assert signal == pytest.approx(after**0.5, rel=1e-9)
        assert variance == pytest.approx(1 - after, rel=1e-9)


@EACH
def test_the_exact_denoiser_of_a_gaussian_gives_that_gaussian(name, eta):
    *_, (mean, variance) = moments(make_plan(name, PROCESS, 500, eta), 0.7, 0.09)
    assert mean == pytest.approx(0.7, rel=0.02)
    assert variance == pytest.approx(0.09, rel=0.03)


@EACH
@pytest.mark.parametrize("spacing", SPACINGS)
@pytest.mark.parametrize("steps", [1, 2, 3, 20])
def test_a_gaussian_of_zero_variance_is_followed_exactly_in_any_number_of_steps(
    name, eta, spacing, steps
):
    # the estimate is 0.7 at every level, so x stays N(0.7 sqrt(a), 1 - a)
    plan = make_plan(name, PROCESS, steps, eta, spacing)
    a = PROCESS.alpha_bar[[step.t for step in plan]]
    levels = [*a[1:], 1.0]
    start = (0.7 * a[0] ** 0.5, 1 - a[0])
    for (mean, variance), level in zip(moments(plan, 0.7, 0.0, *start), levels, strict=True):
        assert mean == pytest.approx(0.7 * level**0.5, rel=1e-9)
        assert variance == pytest.approx(1 - level, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("name", MULTISTEP)
def test_the_first_multistep_and_the_last_are_those_of_ddim(name):
    plan = make_plan(name, PROCESS, 8)
    ddim = make_plan("ddim", PROCESS, 8, 1.0 if name == "dpmpp_2m_sde" else 0.0)
    for number in (0, -1):
        assert fields(plan[number]) == pytest.approx(fields(ddim[number]), rel=1e-9, abs=1e-12)
        assert plan[number].earlier == ()
    assert all(len(step.earlier) == 1 for step in plan[1:-1])


@pytest.mark.parametrize("name", MULTISTEP)
def test_multistep_samplers_are_guided_by_the_deviation_of_the_ancestral_step(name):
    guidance = [step.guidance_sigma for step in make_plan(name, PROCESS, 10)]
    ancestral = [step.sigma for step in make_plan("ddim", PROCESS, 10, 1.0)]
    assert guidance == pytest.approx(ancestral, rel=1e-9)


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


FIRST_OF = {"trailing": lambda steps: 1000 // steps - 1, "endpoints": lambda _: 0}
FIRST_OF["log_snr"] = FIRST_OF["endpoints"]


@pytest.mark.parametrize("schedule", ["linear", "cosine", "sigmoid"])
@pytest.mark.parametrize("spacing", SPACINGS)
@pytest.mark.parametrize("steps", [1, 2, 5, 50, 333, 997, 999, 1000])
def test_any_spacing_visits_as_many_different_times_as_asked_from_the_noisiest_on(
    spacing, schedule, steps
):
    process = DiffusionProcess(beta_schedule(schedule, 1000))
    times = [step.t for step in make_plan("ddim", process, steps, spacing=spacing)]
    assert len(times) == steps
    assert (np.diff(times) < 0).all()
    assert times[0] == 999
    assert times[-1] == (999 if steps == 1 else FIRST_OF[spacing](steps))


@pytest.mark.parametrize("name", SAMPLERS)
@pytest.mark.parametrize("spacing", SPACINGS)
def test_with_all_levels_every_spacing_is_the_full_plan(name, spacing):
    full = make_plan(name, PROCESS, 1000)
    assert [step.t for step in full] == list(range(999, -1, -1))
    assert make_plan(name, PROCESS, 1000, spacing=spacing) == full


def test_the_setting_knows_every_spacing():
    assert get_args(Sampling.model_fields["spacing"].annotation) == ("auto", *SPACINGS)


def test_log_snr_spacing_makes_steps_of_one_length_in_the_logarithm_where_times_are_dense():
    # lambda = log(alpha / sigma); rounding to whole times moves it by at most half a time's step,
    # 0.01 near the noisy end, but as the first levels lie far apart not there
    times = [step.t for step in make_plan("dpmpp_2m", PROCESS, 12, spacing="log_snr")]
    a = PROCESS.alpha_bar[times]
    jumps = np.diff(0.5 * np.log(a / (1 - a)))
    np.testing.assert_allclose(jumps[:8], jumps[:8].mean(), rtol=0.03)


def test_an_unknown_spacing_is_refused_with_the_known_names():
    known = r"sampling\.spacing: 'leading', expected one of auto, trailing, endpoints, log_snr"
    with pytest.raises(Refusal, match=known):
        make_plan("ddim", PROCESS, 10, spacing="leading")


def test_trailing_spacing_makes_jumps_of_one_length_also_the_last():
    assert [step.t for step in make_plan("ddim", PROCESS, 4)] == [999, 749, 499, 249]


def test_endpoint_spacing_visits_both_ends_and_no_time_twice():
    times = [step.t for step in make_plan("ddim", PROCESS, 3, spacing="endpoints")]
    assert times == [999, 500, 0]  # 499.5 rounds to the even number
    assert [s.t for s in make_plan("ddim", PROCESS, 1, spacing="endpoints")] == [999]
    every = make_plan("ddpm", PROCESS, 1000, spacing="endpoints")
    assert [s.t for s in every] == list(range(999, -1, -1))


def test_unknown_sampler_is_refused_with_the_known_names():
    with pytest.raises(Refusal, match=r"sampling\.sampler: 'nonsense', expected one of ddpm, ddim"):
        make_plan("nonsense", PROCESS, 10)


@pytest.mark.parametrize("steps", [0, 1001])
def test_impossible_step_counts_are_refused(steps):
    with pytest.raises(Refusal, match=rf"sampling\.steps: {steps}, expected 1 to 1000"):
        make_plan("ddpm", PROCESS, steps)


@pytest.mark.parametrize("eta", [-0.1, 1.5])
def test_impossible_eta_is_refused(eta):
    with pytest.raises(Refusal, match=rf"sampling\.eta: {eta}, expected a number from 0 to 1"):
        make_plan("ddim", PROCESS, 10, eta)


@pytest.mark.parametrize("name", ["ddpm", *MULTISTEP])
def test_eta_is_refused_where_it_has_no_meaning(name):
    with pytest.raises(Refusal, match=rf"sampling\.eta: 0\.5, {name} has none; leave it out"):
        make_plan(name, PROCESS, 10, 0.5)
