import mindspore as ms
import numpy as np
import pytest
from mindspore import Parameter, Tensor, nn

from mindcast.diffusion.guidance import AlignmentGuidance
from mindcast.diffusion.noising import ForwardNoising, at_time, constant
from mindcast.diffusion.prediction import KINDS, TrainingTarget
from mindcast.diffusion.process import DiffusionProcess
from mindcast.diffusion.samplers import SAMPLERS, SamplerStep, make_plan
from mindcast.diffusion.samplers.base import SPACINGS
from mindcast.diffusion.sampling import GuidedSamplingStep, MemberNoise, SamplingStep, sample
from mindcast.diffusion.schedules import beta_schedule

PROCESS = DiffusionProcess(beta_schedule("linear", 100))
COSINE = DiffusionProcess(beta_schedule("cosine", 100))  # unlike PROCESS, it ends in pure noise
ROWS = [(4, 0), (4, 1), (9, 0)]


class Dummy(nn.Cell):
    """Predicts something that depends on all it is given."""

    def construct(self, x, t, condition):
        return 0.3 * x + 0.01 * t.reshape(-1, 1, 1) + condition


class ExactGaussian(nn.Cell):
    """E[x0 | x_t] for data N(mu, s^2)."""

    def __init__(self, mu, s):
        super().__init__()
        a = COSINE.alpha_bar
        slope = np.sqrt(a) * s**2 / (a * s**2 + 1 - a)
        self.slope, self.offset = constant(slope), constant(mu * (1 - slope * np.sqrt(a)))

    def construct(self, x, t):
        return at_time(self.slope, t, x) * x + at_time(self.offset, t, x)


class Recording(nn.Cell):
    """Predicts zeros and remembers the times it got."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def construct(self, x, t):
        self.seen.append(t.asnumpy().tolist())
        return 0 * x


class Constant(nn.Cell):
    """A guidance whose gradient is the target everywhere."""

    def construct(self, x, t, target):
        return 0 * x + target, target


def noise(rows=ROWS, seed=7, shape=(2, 3)):
    return MemberNoise(seed, rows, shape)


def test_noise_of_a_member_does_not_depend_on_the_other_rows():
    together = noise()
    alone = noise(ROWS[1:2])
    for _ in range(3):
        np.testing.assert_array_equal(together.draw()[1], alone.draw()[0])


def test_noise_differs_between_seeds_cases_members_and_draws():
    source = noise()
    first, second = source.draw(), source.draw()
    different = [*first, *second, noise(seed=8).draw()[0]]
    assert len({array.tobytes() for array in different}) == 7
    assert first.dtype == np.float32


@pytest.mark.parametrize(("name", "eta"), [*((name, 0.0) for name in SAMPLERS), ("ddim", 1.0)])
def test_sampling_recovers_the_gaussian_of_an_exact_denoiser(name, eta):
    step = SamplingStep(ExactGaussian(0.7, 0.3), COSINE, "x0")
    source = noise([(0, m) for m in range(4)], shape=(2000,))
    x = sample(step, make_plan(name, COSINE, 100, eta), source)
    # 8000 draws: the mean is known to 0.3 / sqrt(8000) = 0.0034, the deviation to 0.8 %; the rest
    # is for the finite number of steps
    assert x.mean() == pytest.approx(0.7, abs=0.03)
    assert x.std() == pytest.approx(0.3, rel=0.06)


@pytest.mark.parametrize("name", SAMPLERS)
def test_the_network_gets_the_planned_times(name):
    network = Recording()
    plan = make_plan(name, PROCESS, 5)
    sample(SamplingStep(network, PROCESS), plan, noise())
    assert network.seen == [[step.t] * 3 for step in plan]


@pytest.mark.parametrize("name", SAMPLERS)
def test_a_member_is_the_same_in_any_batch(name):
    condition = np.random.default_rng(0).standard_normal((3, 2, 3), np.float32)
    step, plan = SamplingStep(Dummy(), PROCESS), make_plan(name, PROCESS, 6)
    together = sample(step, plan, noise(), [Tensor(condition)])
    alone = sample(step, plan, noise(ROWS[2:]), [Tensor(condition[2:])])
    np.testing.assert_allclose(alone[0], together[2], rtol=1e-6)


def test_noise_is_drawn_once_for_the_start_and_once_for_each_noisy_step():
    class Counting:
        draws = 0

        def draw(self):
            self.draws += 1
            return np.zeros((1, 2), np.float32)

    counts = {}
    for name, eta in [*((name, 0.0) for name in SAMPLERS), ("ddim", 0.5)]:
        source, plan = Counting(), make_plan(name, PROCESS, 5, eta)
        sample(SamplingStep(Recording(), PROCESS), plan, source)
        assert source.draws == 1 + sum(step.sigma > 0 for step in plan)
        counts[name, eta] = source.draws
    assert counts["ddim", 0.0] == counts["dpmpp_2m", 0.0] == 1
    assert counts["ddpm", 0.0] == counts["ddim", 0.5] == counts["dpmpp_2m_sde", 0.0] == 5


def test_progress_and_record_follow_every_step():
    done, states = [], []
    plan = make_plan("ddim", PROCESS, 4)
    x = sample(
        SamplingStep(Recording(), PROCESS),
        plan,
        noise(),
        progress=done.append,
        record=lambda step, state: states.append((step, state)),
    )
    assert done == [3, 3, 3, 3]
    assert tuple(step for step, _ in states) == plan
    np.testing.assert_array_equal(states[-1][1], x)


def test_guidance_shifts_the_step_by_scale_and_deviation():
    plain = SamplingStep(Recording(), PROCESS)
    guided = GuidedSamplingStep(plain, Constant(), 5.0)
    planned = make_plan("ddpm", PROCESS, 100)[0]
    x, target = Tensor(np.ones((1, 2), np.float32)), Tensor(np.float32([[1, -2]]))
    t, coefficients = Tensor(np.int32([planned.t])), Tensor(planned.coefficients)
    shifted, same = guided(x, t, coefficients, x, target)
    following, x0 = plain(x, t, coefficients, x)
    expected = -5 * planned.guidance_sigma * np.array([[1, -2]])
    np.testing.assert_allclose((shifted - following).asnumpy(), expected, rtol=1e-5)
    np.testing.assert_array_equal(same.asnumpy(), x0.asnumpy())


def test_guidance_takes_the_conditioning_where_it_is_conditioned():
    class Given(nn.Cell):
        def construct(self, x, t, *conditioning):
            return sum(conditioning, 0 * x)

    class Product(nn.Cell):
        def construct(self, x, t, target, *known):
            return 0 * x + target * sum(known), target

    plain, planned = SamplingStep(Given(), PROCESS), make_plan("ddpm", PROCESS, 100)[0]
    x, target = Tensor(np.ones((1, 2), np.float32)), Tensor(np.float32([[1, -2]]))
    given = Tensor(np.int32([planned.t])), Tensor(planned.coefficients), x
    known = (Tensor(np.float32([[3, 1]])), Tensor(np.float32([[1, 4]])))
    following, _ = plain(x, *given, *known)
    for conditioned, total in ((True, [[4, 5]]), (False, [[0, 0]])):
        guided = GuidedSamplingStep(plain, Product(), 5.0, conditioned)
        shifted, _ = guided(x, *given, target, *known)
        expected = -5 * planned.guidance_sigma * np.array([[1, -2]]) * total
        np.testing.assert_allclose((shifted - following).asnumpy(), expected, rtol=1e-4)


@pytest.mark.parametrize("name", SAMPLERS)
def test_every_sampler_can_be_guided(name):
    # the network predicts x0 = x, so a step is c x and, with a gradient of one, shifted by what
    # guidance is scaled by; estimates of steps before are the x there
    class Echo(nn.Cell):
        def construct(self, x, t):
            return x

    plain = SamplingStep(Echo(), PROCESS, "x0")
    guided = GuidedSamplingStep(plain, Constant(), 5.0)
    plan = [
        SamplerStep(s.t, s.x0_coefficient, s.x_coefficient, 0.0, s.guidance_sigma, s.earlier)
        for s in make_plan(name, PROCESS, 5)
    ]
    x = noise().draw()
    made = sample(guided, plan, noise(), [Tensor(np.ones((3, 2, 3), np.float32))])
    visited = []
    for s in plan:
        visited.append(x)
        before = sum(c * visited[-2 - k] for k, c in enumerate(s.earlier))
        x = (s.x0_coefficient + s.x_coefficient) * x - 5 * s.guidance_sigma + before
    np.testing.assert_allclose(made, x, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", SAMPLERS)
def test_a_network_that_knows_the_data_recovers_it_whatever_it_predicts(name, kind):
    x0 = Tensor(np.random.default_rng(0).uniform(-1, 1, (3, 2, 3)).astype(np.float32))

    class Knowing(nn.Cell):
        def __init__(self):
            super().__init__()
            self.target = TrainingTarget(PROCESS, kind)
            self.clean = ForwardNoising(PROCESS)
            self.spread = constant(PROCESS.sqrt_one_minus_alpha_bar)

        def construct(self, x, t):
            epsilon = (x - self.clean(x0, t, 0 * x)) / at_time(self.spread, t, x)
            return self.target(x0, t, epsilon)

    for spacing in SPACINGS:
        plan = make_plan(name, PROCESS, 8, 0.0, spacing)
        made = sample(SamplingStep(Knowing(), PROCESS, kind), plan, noise())
        np.testing.assert_allclose(made, x0.asnumpy(), atol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", SAMPLERS)
def test_every_sampler_ends_within_the_clip(name, kind):
    condition = Tensor(np.random.default_rng(0).standard_normal((3, 2, 3), np.float32))
    step = SamplingStep(Dummy(), COSINE, kind, (-0.5, 0.5))
    made = sample(step, make_plan(name, COSINE, 7), noise(), [condition])
    assert np.abs(made).max() <= 0.5
    assert made.std() > 0.01


def test_earlier_estimates_are_added_the_latest_first():
    def step(x, t, coefficients, noise):
        return 0 * x, 0 * x + t.reshape(-1, 1, 1)  # the estimate is the time

    plan = [SamplerStep(t, 0, 0, 0.0, 0.0) for t in (7, 5)]
    plan.append(SamplerStep(3, 0, 0, 0.0, 0.0, earlier=(10.0, 100.0)))
    assert np.unique(sample(step, plan, noise())).tolist() == [750]
    with pytest.raises(IndexError):
        sample(step, plan[1:], noise())


@pytest.mark.parametrize("guided", [False, True])
def test_a_compiled_step_serves_any_plan_as_pynative_does(guided):
    condition = Tensor(np.random.default_rng(0).standard_normal((3, 2, 3), np.float32))
    target = Tensor(np.full((3, 2, 3), 0.1, np.float32))
    plain, guidance = SamplingStep(Dummy(), PROCESS, "v", (-1, 1)), Constant()

    def take_step(*inputs):
        return plain(*inputs)

    def guide(*inputs):
        return guidance(*inputs)

    steps, conditioning = (plain, ms.jit(take_step)), [condition]
    if guided:
        steps = (
            GuidedSamplingStep(plain, guidance, 2.0),
            GuidedSamplingStep(ms.jit(take_step), ms.jit(guide), 2.0),
        )
        conditioning = [target, condition]
    for plan in (make_plan("ddim", PROCESS, 4, 0.5), make_plan("dpmpp_2m_sde", PROCESS, 4)):
        one, other = (sample(step, plan, noise(), conditioning) for step in steps)
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_networks_with_the_same_parameter_names_can_be_compiled_together():
    class Scale(nn.Cell):
        def __init__(self, factor):
            super().__init__()
            self.weight = Parameter(Tensor(np.float32([factor])), name="weight")

        def construct(self, x, t):
            return self.weight * x

    plain, guidance = SamplingStep(Scale(0.5), PROCESS), AlignmentGuidance(Scale(2.0))

    def take_step(*inputs):
        return plain(*inputs)

    def guide(*inputs):
        return guidance(*inputs)

    step = GuidedSamplingStep(ms.jit(take_step), ms.jit(guide), 1.0)
    target = Tensor(np.zeros((3, 3), np.float32))
    x = sample(step, make_plan("ddim", PROCESS, 2), noise(), [target])
    assert np.isfinite(x).all()
