from dataclasses import replace

import mindspore as ms
import numpy as np
import pytest
from mindspore import Tensor, nn

from mindcast.compiled import arguments
from mindcast.config.schema import Sampling, StageTraining
from mindcast.diffusion.samplers import SAMPLERS
from mindcast.diffusion.sampling import SamplingStep
from mindcast.diffusion.sampling import sample as run_plan
from mindcast.models.geodiff import draws, stages
from mindcast.models.geodiff.deterministic import DeterministicNetwork
from mindcast.models.geodiff.forecaster import GeoDiffForecaster, Guided
from mindcast.models.geodiff.hr_priors import FinePriors
from mindcast.models.geodiff.joint import JointNetwork
from mindcast.models.geodiff.residual_network import ResidualConditioning, ResidualNetwork
from mindcast.models.geodiff.settings import DiffusionSettings
from mindcast.models.geodiff.training_losses import ResidualDiffusionLoss
from mindcast.models.geodiff.upsampling import SHIFT_K
from mindcast.physics import priors
from mindcast.physics.horizontal import Metric, latitude_longitude_metric
from mindcast.physics.resample import bicubic, block_mean
from mindcast.refusal import Refusal
from mindcast.training.train_step import ObjectiveStep
from tests.models.geodiff.small import (
    FINE,
    LEVELS,
    built,
    metric_array,
    primary_of,
    sample,
    settings_of,
    smooth,
)

PRESSURE = np.array(LEVELS) * 100.0


def networks(**changes):
    settings = settings_of(**changes)
    primary = built(DeterministicNetwork, settings, stir=0.02)
    return settings, primary, built(ResidualNetwork, settings, stir=0.02, seed=1)


def test_fine_priors_are_those_of_the_physics_room():
    rng = np.random.default_rng(0)
    shape = (2, 3, 16, 20)
    temperature = np.array([288.0, 280.0, 255.0]).reshape(1, -1, 1, 1) + smooth(rng, shape, 3.0)
    wind = [smooth(rng, shape, 8.0), smooth(rng, shape, 8.0), smooth(rng, shape, 0.2)]
    h_x = np.broadcast_to(np.linspace(0, 3e4, 16)[:, None], (16, 20)).copy()  # row 0 is a pole
    metric = Metric(h_x, np.full((16, 20), -2.5e4))
    expected = priors.prior_channels(temperature, priors.Winds(*wind), PRESSURE, metric)
    require_priors(fine_priors(temperature, wind, metric_array(metric, 2)), expected)


def fine_priors(temperature, wind, metric, compiled=False):
    cell = FinePriors(LEVELS)

    def run(*arrays):
        return cell(*arrays)

    arrays = (temperature - SHIFT_K, np.stack(wind, 2), metric)
    run = ms.jit(run) if compiled else run
    return run(*[Tensor(array.astype(np.float32)) for array in arrays]).asnumpy()


def require_priors(got, expected):
    """Agreement to float32 at all points, relative to the largest value of each channel."""
    for channel, limit in enumerate((2e-4, 2e-4, 2e-4, 2e-4, 2e-4, 3e-3)):
        field = expected[..., channel]
        error = np.abs(got[:, :, channel] - field).max() / np.abs(field).max()
        assert error < limit, channel


def around_the_globe(rng, latitude, longitude):
    """Two cases of three levels: waves along the circle of latitude that vanish at the poles."""
    phi, lam = np.radians(latitude)[:, None], np.radians(longitude)
    waves = [
        rng.normal(size=(2, 3, 1, 1)) * np.cos(phi) ** 2 * np.cos(k * lam + rng.uniform(0, 6))
        for k in (1, 2, 3)
    ]
    return sum(waves) + rng.normal(size=(2, 3, 1, 1)) * np.sin(phi)


@pytest.mark.parametrize("compiled", [False, True])
def test_fine_priors_wrap_around_in_those_samples_of_a_batch_whose_circle_closes(compiled):
    rng, latitude, longitude = (
        np.random.default_rng(1),
        np.linspace(90, -90, 25),
        np.arange(0, 360, 10),
    )
    temperature, *wind = (
        around_the_globe(rng, latitude, longitude) * size for size in (5, 8, 8, 0.2)
    )
    temperature = np.array([288.0, 280.0, 255.0]).reshape(1, -1, 1, 1) + temperature
    metrics = [latitude_longitude_metric(latitude, longitude, closed) for closed in (True, False)]
    made = fine_priors(
        temperature, wind, np.concatenate([metric_array(m, 1) for m in metrics]), compiled
    )
    both = [
        priors.prior_channels(temperature, priors.Winds(*wind), PRESSURE, metric)
        for metric in metrics
    ]
    for case, (expected, other) in enumerate((both, both[::-1])):
        require_priors(made[case : case + 1], expected[case : case + 1])
        with pytest.raises(AssertionError):  # the two kinds differ by more than the tolerance
            require_priors(made[case : case + 1], other[case : case + 1])


def test_the_conditioning_holds_both_fields_the_level_and_the_statics():
    settings, primary, network = networks()
    samples = sample()
    conditions = ResidualConditioning(settings, primary, network)
    outputs = conditions(*arguments(conditions, samples.named))
    field, condition, given = outputs
    assert condition.shape == (2, 3, 6, *FINE)  # U(T_lr), T_det, level, three statics
    statistics = primary.primary_statistics
    np.testing.assert_allclose(
        condition.asnumpy()[:, :, 1], statistics.normalised(field).asnumpy(), rtol=1e-6
    )
    level = condition.asnumpy()[0, :, 2, 0, 0]
    np.testing.assert_allclose(level, np.log(np.array(LEVELS) / 1000) / np.log(0.5), atol=1e-6)
    statics = samples.input.statics.transpose(0, 3, 1, 2)
    np.testing.assert_allclose(condition.asnumpy()[:, 0, 3:], statics)
    np.testing.assert_allclose(given.asnumpy()[:, :, 6], 1, rtol=1e-6)


def test_sigma_is_the_error_of_the_deterministic_field():
    settings, primary, network = networks()
    samples = sample()
    stages.calibrate_residual(settings, network, {"deterministic": primary}, iter([samples]))
    error = samples.truth[..., 0] - primary_of(primary, samples)
    expected = np.sqrt((error**2).mean((0, 2, 3)))
    statistics = network.residual_statistics
    np.testing.assert_allclose(statistics.sigma.asnumpy(), expected, rtol=1e-4)
    assert statistics.prior_std.asnumpy().min() > 0


def test_no_gradient_reaches_the_frozen_network_and_the_loss_is_that_of_the_objective():
    settings, primary, network = networks(loss={"physics": 0.0})
    loss = ResidualDiffusionLoss(network, primary, settings)
    drawn = draws.for_residuals(settings, np.random.default_rng(0), 2)
    inputs = arguments(loss, {**sample().named, **drawn})
    found = ms.grad(lambda *x: loss(*x)[0], None, ms.ParameterTuple(primary.trainable_params()))
    assert all(not g.asnumpy().any() for g in found(*inputs))
    total, (_, data, *_) = loss(*inputs)
    assert float(total.asnumpy()) == pytest.approx(float(data.asnumpy()))


def test_physics_is_switched_off_where_the_estimate_is_noise():
    settings, primary, network = networks(diffusion={"timesteps": 1000, "prediction": "v"})
    loss = ResidualDiffusionLoss(network, primary, settings)
    named = {**sample().named, **draws.for_residuals(settings, np.random.default_rng(0), 2)}
    early, late = (
        loss(*arguments(loss, {**named, "t": np.full(2, t, np.int32)}))[1] for t in (0, 999)
    )
    assert float(early[5].asnumpy()) >= 0
    assert float(late[4].asnumpy()) < 1e-6 < float(early[4].asnumpy())


def test_dropped_conditioning_is_zero_but_for_its_flag():
    settings, _, network = networks(
        diffusion={"timesteps": 20, "prediction": "v", "conditioning_dropout": 0.5}
    )
    condition = Tensor(np.ones((2, 3, 6, *FINE), np.float32))
    masked = network.masked(condition, Tensor(np.array([1, 0], np.float32))).asnumpy()
    assert masked.shape[2] == 7
    np.testing.assert_array_equal(masked[0, :, :6], 1)
    np.testing.assert_array_equal(masked[0, :, 6], 0)
    np.testing.assert_array_equal(masked[1, :, :6], 0)
    np.testing.assert_allclose(masked[1, :, 6], network.null_flag.asnumpy()[0])
    kept = draws.for_residuals(settings, np.random.default_rng(0), 200)["kept"]
    assert 0.4 < kept.mean() < 0.6


class Echo(nn.Cell):
    """Predicts the sum of its conditioning."""

    def construct(self, x, t, condition, *features):
        return condition + features[0]


def test_guidance_moves_from_the_hidden_answer_beyond_the_shown_one():
    guided = Guided(Echo(), 3.0)
    values = [Tensor(np.full((1, 2), v, np.float32)) for v in (0, 2, 5, 1, 4)]
    answer = guided(values[0], None, *values[1:])
    np.testing.assert_allclose(answer.asnumpy(), 5 + 3 * (7 - 5))


class TrueAnswer(nn.Cell):
    """A denoiser that knows x_0 and gives the prediction that is asked for."""

    def __init__(self, process, x0, prediction):
        super().__init__()
        self.signal = Tensor(process.sqrt_alpha_bar.astype(np.float32))
        self.spread = Tensor(process.sqrt_one_minus_alpha_bar.astype(np.float32))
        self.x0, self.prediction = Tensor(x0), prediction

    def construct(self, x, t):
        s, r = self.signal[t].reshape(-1, 1, 1), self.spread[t].reshape(-1, 1, 1)
        noise = (x - s * self.x0) / r
        if self.prediction == "epsilon":
            return noise
        return s * noise - r * self.x0 if self.prediction == "v" else self.x0


class FromLevel:
    """Starts at the given state, then standard normal numbers."""

    def __init__(self, start):
        self.start, self.rng = start, np.random.default_rng(1)

    def draw(self):
        if self.start is not None:
            first, self.start = self.start, None
            return first
        return self.rng.standard_normal((2, 4, 4)).astype(np.float32)


def test_only_ddim_visits_both_ends_of_the_levels():
    options = DiffusionSettings()
    ends = {name: options.plan(Sampling(sampler=name, steps=10))[-1].t for name in SAMPLERS}
    assert ends == {name: 0 if name == "ddim" else 99 for name in SAMPLERS}


@pytest.mark.slow
@pytest.mark.parametrize("prediction", ["epsilon", "v", "x0"])
@pytest.mark.parametrize(("sampler", "tolerance"), [("ddim", 1e-4), ("ddpm", 1e-3)])
def test_a_perfect_denoiser_recovers_the_residual(prediction, sampler, tolerance):
    options = DiffusionSettings(prediction=prediction, clip=None)
    process = options.process()
    rng = np.random.default_rng(0)
    x0 = rng.uniform(-1, 1, (2, 4, 4)).astype(np.float32)
    plan = options.plan(Sampling(sampler=sampler, steps=50 if sampler == "ddim" else 1000))
    plan = [step for step in plan if step.t < 990]
    t = plan[0].t
    start = process.sqrt_alpha_bar[t] * x0 + process.sqrt_one_minus_alpha_bar[t] * rng.normal(
        size=x0.shape
    )
    step = SamplingStep(TrueAnswer(process, x0, options.prediction), process, options.prediction)
    made = run_plan(step, plan, FromLevel(start.astype(np.float32)))
    np.testing.assert_allclose(made, x0, atol=tolerance)


@pytest.mark.slow
def test_forecasts_keep_the_block_means_if_asked():
    settings, primary, network = networks(enforce_lr_mean=True)
    given = sample(cases=2).input
    latitude = np.linspace(80, 45, FINE[0])
    metric = latitude_longitude_metric(latitude, np.arange(FINE[1]))
    weights = np.cos(np.radians(latitude))
    metrics = np.concatenate([metric_array(metric, 1, weights), metric_array(metric, 1)])
    given = replace(given, metric=metrics)
    sampling = Sampling(sampler="ddim", steps=2, batch_size=2)
    trained = {"deterministic": primary, "diffusion": network}
    forecaster = GeoDiffForecaster(settings, trained, sampling, seed=0, compiled=False)
    assert forecaster.methods == ("geodiff-det", "geodiff")
    for method in forecaster.methods:
        made = forecaster.forecast(method, given, [0, 1], 2)[..., 0]
        for fine, coarse, row_weights in zip(
            made, given.temperature_lr, (weights, None), strict=True
        ):
            means = block_mean(fine, 2, row_weights)
            expected = np.broadcast_to(coarse[..., 0], means.shape)
            np.testing.assert_allclose(means, expected, atol=1e-4)


def test_without_a_denoiser_there_is_the_deterministic_field_alone():
    settings = settings_of()
    primary = built(DeterministicNetwork, settings)
    forecaster = GeoDiffForecaster(settings, {"deterministic": primary}, Sampling(), 0, False)
    assert forecaster.methods == forecaster.deterministic == ("geodiff-det",)
    given = sample(cases=1).input
    made = forecaster.forecast("geodiff-det", given, [0], 5)
    expected = bicubic(given.temperature_lr[..., 0].astype(np.float64), 2)
    np.testing.assert_allclose(made[:, 0, ..., 0], expected, atol=5e-5)


def test_arrays_that_do_not_belong_together_are_refused():
    settings = settings_of()
    primary = built(DeterministicNetwork, settings)
    forecaster = GeoDiffForecaster(settings, {"deterministic": primary}, Sampling(), 0, False)
    given = sample(cases=1).input
    for statics, expected in (
        (given.statics[:, :-2], r"temperature_lr has got=\(1, 3, 4, 6, 1\), expected \(N, 3, 3, 6"),
        (given.statics[:, :2], r"statics has got=\(1, 2, 12, 3\), .* with H and W from 3"),
    ):
        with pytest.raises(Refusal, match=expected):
            forecaster.forecast("geodiff-det", replace(given, statics=statics), [0], 1)


@pytest.mark.slow
def test_joint_training_moves_the_deterministic_network_at_a_tenth_of_the_rate():
    settings, primary, network = networks()
    joint = built(JointNetwork, settings)
    (objective,) = stages.joint_objectives(
        settings, joint, {"deterministic": primary, "diffusion": network}
    )
    step = ObjectiveStep(objective, StageTraining(optimizer="adam"), (), graph=False)
    samples = sample()
    drawn = draws.for_residuals(settings, np.random.default_rng(0), 2)
    before = {p.name: p.asnumpy().copy() for p in objective.parameters}
    values = step.run(0, [{**samples.named, **drawn}], 1e-3)

    def furthest(own):
        return max(np.abs(p.asnumpy() - before[p.name]).max() for p in own.trainable_params())

    assert furthest(joint.diffusion) == pytest.approx(1e-3, rel=0.01)
    assert furthest(joint.deterministic) == pytest.approx(1e-4, rel=0.01)
    value = {name: float(v.asnumpy()) for name, v in values.items()}
    parts = value["deterministic/total"] + value["diffusion/total"]
    assert value["total"] == pytest.approx(parts, rel=1e-6)
    error = primary_of(primary, samples) - samples.truth[..., 0]
    assert value["deterministic/rmse"] == pytest.approx((error**2).mean(), rel=1e-4)


def test_joint_training_starts_from_the_two_stages_before():
    settings, primary, network = networks()
    joint = built(JointNetwork, settings, seed=7)
    joint.start_from({"deterministic": primary, "diffusion": network})
    for own, other in ((joint.deterministic, primary), (joint.diffusion, network)):
        for one, two in zip(own.get_parameters(), other.get_parameters(), strict=True):
            np.testing.assert_array_equal(one.asnumpy(), two.asnumpy())
    with pytest.raises(Refusal, match="stage joint: there is no network of the stage diffusion"):
        joint.start_from({"deterministic": primary})
