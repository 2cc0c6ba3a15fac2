import mindspore as ms
import numpy as np
import pytest
from mindspore import Parameter, Tensor, nn, ops
from pydantic import ValidationError

from mindcast.models.prediff.denoising_loss import AlignmentLoss, DenoisingLoss, mean_intensity
from mindcast.models.prediff.latents import FrameLatents
from mindcast.models.prediff.settings import DiffusionSettings, GuidanceSettings

CONTEXT, TARGET = 1, 2


class Halver(nn.Cell):
    """An autoencoder whose posterior is N(frame / 2, 1) and whose decoder doubles."""

    def __init__(self):
        super().__init__()
        self.weight = Parameter(Tensor(np.float32([0.5])), name="weight")

    def encode(self, x):
        return x * self.weight, ops.zeros_like(x)

    def sample(self, mean, logvar, noise):
        return mean + ops.exp(0.5 * logvar) * noise

    def decode(self, z):
        return z / self.weight


class Echo(nn.Cell):
    """A denoiser whose output is a multiple of the context's mean."""

    def __init__(self, factor=0.0):
        super().__init__()
        self.factor = Parameter(Tensor(np.float32([factor])), name="factor")

    def construct(self, x, t, conditioning):
        return 0 * x + self.factor * conditioning.mean(axis=1, keep_dims=True)


class Reader(nn.Cell):
    """An alignment network whose output is one number, for every frame or for all."""

    def __init__(self, value, per_frame=True):
        super().__init__()
        self.value = Parameter(Tensor(np.float32([value])), name="value")
        self.per_frame = per_frame

    def construct(self, z, t):
        means = 0 * z.reshape(*z.shape[:2], -1).mean(axis=2, keep_dims=True) + self.value
        return means if self.per_frame else means.mean(axis=1)


def batch(samples=2, size=2):
    rng = np.random.default_rng(0)
    shape = (samples, CONTEXT + TARGET, size, size, 1)
    noise = rng.standard_normal((samples, TARGET, size, size, 1), np.float32)
    posterior = rng.standard_normal((samples * TARGET, 1, size, size), np.float32)
    frames = rng.random(shape, np.float32)
    levels = np.int32([0, 3])[:samples]
    arrays = (frames[:, :CONTEXT], frames[:, CONTEXT:], levels, noise, posterior)
    return tuple(Tensor(a) for a in arrays)


def loss_of(denoiser=None, **options):
    settings = DiffusionSettings(timesteps=4, **options)
    return DenoisingLoss(denoiser or Echo(), Halver(), settings)


def encoded(*inputs):
    """Context and truth as their moments."""
    moments = FrameLatents(Halver()).moments
    return (moments(inputs[0]), moments(inputs[1]), *inputs[2:])


def named(loss, *inputs):
    total, diagnostics = loss(*encoded(*inputs))
    values = {n: float(v) for n, v in zip(loss.diagnostic_names, diagnostics, strict=True)}
    assert values["loss"] == float(total)
    return values


def test_a_silent_denoiser_is_charged_the_mean_square_of_the_noise():
    inputs = batch()
    expected = (inputs[3].asnumpy() ** 2).mean()
    assert named(loss_of(), *inputs)["loss_simple"] == pytest.approx(expected, rel=1e-5)


def test_the_absolute_error_is_charged_where_asked():
    inputs = batch()
    expected = np.abs(inputs[3].asnumpy()).mean()
    assert named(loss_of(loss="l1"), *inputs)["loss"] == pytest.approx(expected, rel=1e-5)


def test_the_target_of_x0_is_the_posterior_sample_times_the_scale():
    inputs = batch()
    frames = inputs[1].asnumpy()
    z0 = 3 * (0.5 * frames + inputs[4].asnumpy().reshape(frames.shape))
    got = named(loss_of(prediction="x0", scale_factor=3.0), *inputs)
    assert got["loss"] == pytest.approx((z0**2).mean(), rel=1e-5)


def test_the_conditioning_is_the_posterior_mean_of_the_context_without_the_scale():
    inputs = batch()
    frames = inputs[0].asnumpy()
    error = inputs[3].asnumpy() - 0.5 * frames.mean(axis=1, keepdims=True)
    got = named(loss_of(Echo(1.0), scale_factor=3.0), *inputs)
    assert got["loss"] == pytest.approx((error**2).mean(), rel=1e-5)


def test_the_log_variance_of_its_time_weighs_each_sample():
    inputs = batch()
    loss = loss_of(l_simple_weight=2.0)
    loss.logvar.set_data(Tensor(np.float32([0.1, 9, 9, -0.4])))
    each = (inputs[3].asnumpy() ** 2).mean(axis=(1, 2, 3, 4))
    gamma = np.mean(each / np.exp([0.1, -0.4]) + [0.1, -0.4])
    got = named(loss, *inputs)
    assert got["loss_gamma"] == pytest.approx(gamma, rel=1e-5)
    assert got["loss"] == pytest.approx(2 * gamma, rel=1e-5)
    assert got["logvar"] == pytest.approx(17.7 / 4)


def test_the_variational_bound_is_added_with_its_weight():
    inputs = batch()
    got = named(loss_of(elbo_weight=0.5), *inputs)
    assert got["loss_vlb"] > 0
    assert got["loss"] == pytest.approx(got["loss_gamma"] + 0.5 * got["loss_vlb"], rel=1e-5)


def test_gradients_reach_the_denoiser_and_logvar_but_not_the_autoencoder():
    loss = loss_of(Echo(0.5))

    def total(*inputs):
        return loss(*inputs)[0]

    parameters = loss.trainable_params()
    gradients = ms.grad(total, None, ms.ParameterTuple(parameters))(*encoded(*batch()))
    moved = {p.name for p, g in zip(parameters, gradients, strict=True) if np.any(g.asnumpy())}
    assert {p.name for p in parameters} == {"factor", "weight", "logvar"}
    assert moved == {"factor", "logvar"}


def test_logvar_is_trainable_only_where_it_is_learned():
    assert loss_of(learn_logvar=True).logvar.requires_grad
    assert not loss_of(learn_logvar=False).logvar.requires_grad


def test_compiled_loss_agrees_with_pynative():
    loss = loss_of(Echo(0.5), prediction="v", elbo_weight=1.0)

    def call(*inputs):
        return loss(*inputs)

    _, expected = loss(*encoded(*batch()))
    _, compiled = ms.jit(call)(*encoded(*batch()))
    np.testing.assert_allclose(
        [float(v) for v in compiled], [float(v) for v in expected], rtol=1e-5
    )


@pytest.mark.parametrize("per_frame", [True, False])
def test_alignment_is_charged_its_distance_from_the_mean_intensity(per_frame):
    inputs = batch()
    intensity = inputs[1].asnumpy().mean(axis=(2, 3))
    intensity = intensity if per_frame else intensity.mean(axis=1)
    loss = AlignmentLoss(Reader(0.3, per_frame), Halver(), DiffusionSettings())
    expected = ((0.3 - intensity) ** 2).mean()
    truth = inputs[1], encoded(*inputs)[1]
    assert float(loss(*truth, *inputs[2:])[0]) == pytest.approx(expected, rel=1e-5)


def test_mean_intensity_is_one_number_a_frame():
    frames = batch()[0]
    np.testing.assert_allclose(
        mean_intensity(frames).asnumpy()[..., 0], frames.asnumpy().mean(axis=(2, 3, 4)), rtol=1e-6
    )


def test_decoding_the_latents_of_a_sequence_gives_the_sequence():
    frames = Tensor(np.random.default_rng(0).random((2, 3, 4, 5, 1), np.float32))
    latents = FrameLatents(Halver(), scale_factor=7.0)
    z = latents.drawn(latents.moments(frames), Tensor(np.zeros((6, 1, 4, 5), np.float32)))
    np.testing.assert_allclose(z.asnumpy(), 3.5 * frames.asnumpy(), rtol=1e-6)
    np.testing.assert_allclose(latents.decode(z).asnumpy(), frames.asnumpy(), rtol=1e-6)


def test_settings_describe_the_released_process():
    process = DiffusionSettings().process()
    assert process.timesteps == 1000
    assert process.alpha_bar[-1] == pytest.approx(7.3341e-4, rel=1e-4)


def test_clipping_limits_follow_the_setting():
    assert DiffusionSettings().clip_range is None
    assert DiffusionSettings(clip=1.0).clip_range == (-1.0, 1.0)


def test_falling_noise_is_refused():
    with pytest.raises(ValidationError, match=r"linear_start = 0\.5 exceeds linear_end = 0\.02"):
        DiffusionSettings(linear_start=0.5)


@pytest.mark.parametrize("options", [{"target": "value"}, {"target": "truth", "value": 0.2}])
def test_a_guidance_value_goes_with_the_target_value_only(options):
    with pytest.raises(ValidationError, match="a value goes with target = 'value'"):
        GuidanceSettings(**options)
