import mindspore as ms
import numpy as np
import pytest
from mindspore import Parameter, Tensor, nn, ops

from mindcast.models.diffcast import draws
from mindcast.models.diffcast.backbone_loss import BackboneLoss
from mindcast.models.diffcast.network import to_network
from mindcast.models.diffcast.residual_loss import ResidualLoss
from tests.models.diffcast.small import CONTEXT, TARGET, settings_of

SEGMENTS = TARGET // CONTEXT


class Shifter(nn.Cell):
    """A backbone that forecasts one number everywhere, and names its loss 7 times that number."""

    def __init__(self, value=0.25):
        super().__init__()
        self.value = Parameter(Tensor(np.float32(value)), name="value")

    def forecast_and_loss(self, context, target):
        return 0 * target + self.value, 7 * self.value


class Recording(nn.Cell):
    """A denoiser whose output is a constant and which keeps its inputs."""

    def __init__(self, output=0.0):
        super().__init__()
        self.output = Parameter(Tensor(np.float32(output)), name="output")
        self.inputs = []

    def construct(self, x, t, previous, segment, *features):
        self.inputs = [x, t, previous, segment, *features]
        return 0 * x + self.output


class Dummy(nn.Cell):
    """A joint network of the two; the contexts are the means of context and of forecast."""

    def __init__(self, **options):
        super().__init__(auto_prefix=False)
        self.backbone_net, self.model = Shifter(), Recording(**options)

    def contexts(self, context, mu):
        return (context[:, -1],), (mu[:, -1],)

    def guides(self, mu, moved):
        return ()


def batch(settings, samples=2, seed=0):
    rng = np.random.default_rng(seed)
    shape = (samples, CONTEXT + TARGET, *settings.frame_size, 1)
    frames = rng.random(shape, np.float32)
    known = {"context": frames[:, :CONTEXT], "truth": frames[:, CONTEXT:]}
    drawn = draws.for_segments(settings, rng, samples)
    return {name: Tensor(array) for name, array in {**known, **drawn}.items()}


def loss_of(network=None, diffusion=None, **changes):
    settings = settings_of(diffusion={"timesteps": 20, **(diffusion or {})}, **changes)
    return ResidualLoss(network or Dummy(), settings), settings


def named(loss, inputs):
    total, diagnostics = loss(*inputs.values())
    values = {n: float(v) for n, v in zip(loss.diagnostic_names, diagnostics, strict=True)}
    assert values["loss"] == float(total)
    return values


def residual_of(inputs, mu=0.25):
    """2 (truth - mu) by segment: (N, segments, frames, 1, H, W)."""
    truth = to_network(inputs["truth"]).asnumpy()
    return 2 * (truth - mu).reshape(len(truth), SEGMENTS, CONTEXT, *truth.shape[2:])


@pytest.mark.parametrize("alpha", [0.0, 0.3, 1.0])
def test_the_deterministic_loss_has_the_weight_alpha(alpha):
    loss, settings = loss_of(alpha=alpha)
    values = named(loss, batch(settings))
    assert values["det_loss"] == pytest.approx(7 * 0.25)
    expected = alpha * values["det_loss"] + (1 - alpha) * values["diff_loss"]
    assert values["loss"] == pytest.approx(expected, rel=1e-6)


def test_a_silent_denoiser_is_charged_the_mean_square_of_the_residual_where_x0_is_predicted():
    loss, settings = loss_of(diffusion={"prediction": "x0"})
    inputs = batch(settings)
    expected = (residual_of(inputs) ** 2).mean()
    assert named(loss, inputs)["diff_loss"] == pytest.approx(expected, rel=1e-5)


def test_each_segment_is_given_its_number_its_level_and_the_true_residual_before_it():
    loss, settings = loss_of()
    inputs = batch(settings)
    loss(*inputs.values())
    _, t, previous, segment, *_ = (given.asnumpy() for given in loss.network.model.inputs)
    assert segment.tolist() == [0, 1, 2, 0, 1, 2]
    np.testing.assert_array_equal(t, inputs["t"].asnumpy().ravel())
    residual = residual_of(inputs)
    previous = previous.reshape(residual.shape)
    assert not previous[:, 0].any()
    np.testing.assert_allclose(previous[:, 1:], residual[:, :-1], atol=1e-6)


def test_each_segment_is_noised_to_its_own_level():
    loss, settings = loss_of()
    inputs = batch(settings)
    loss(*inputs.values())
    residual = residual_of(inputs)
    alpha_bar = settings.diffusion.process().alpha_bar[inputs["t"].asnumpy()]
    alpha_bar = alpha_bar.reshape(*alpha_bar.shape, 1, 1, 1, 1)
    noise = to_network(inputs["noise"]).asnumpy().reshape(residual.shape)
    expected = np.sqrt(alpha_bar) * residual + np.sqrt(1 - alpha_bar) * noise
    x = loss.network.model.inputs[0].asnumpy().reshape(residual.shape)
    np.testing.assert_allclose(x, expected, atol=1e-5)


def test_the_first_segment_gets_the_local_context_and_the_others_the_global_one():
    loss, settings = loss_of()
    inputs = batch(settings)
    loss(*inputs.values())
    feature = loss.network.model.inputs[4].asnumpy()
    feature = feature.reshape(2, SEGMENTS, *feature.shape[1:])
    np.testing.assert_array_equal(feature[:, 0], to_network(inputs["context"])[:, CONTEXT - 1])
    np.testing.assert_allclose(feature[:, 1:], 0.25)


def test_noise_on_the_conditioning_leaves_the_first_segment_and_the_target_alone():
    plain, _ = loss_of()
    noisy, with_noise = loss_of(diffusion={"conditioning_noise": 0.5})
    inputs = batch(with_noise)
    without = {name: array for name, array in inputs.items() if name != "conditioning_noise"}
    assert named(plain, without) == named(noisy, inputs)
    difference = (noisy.network.model.inputs[2] - plain.network.model.inputs[2]).asnumpy()
    difference = difference.reshape(2, SEGMENTS, CONTEXT, *difference.shape[2:])
    assert not difference[:, 0].any()
    added = to_network(inputs["conditioning_noise"]).asnumpy().reshape(difference.shape)[:, :-1]
    np.testing.assert_allclose(difference[:, 1:], 0.5 * added, atol=1e-6)


@pytest.mark.parametrize("weighting", ["snr", "min_snr"])
def test_a_segment_s_error_is_weighted_by_its_noise_level(weighting):
    loss, settings = loss_of(diffusion={"prediction": "x0", "weighting": weighting})
    inputs = batch(settings)
    alpha_bar = settings.diffusion.process().alpha_bar[inputs["t"].asnumpy()]
    weight = alpha_bar / (1 - alpha_bar)
    if weighting == "min_snr":
        weight = np.minimum(weight, 5)
    by_segment = (residual_of(inputs) ** 2).mean(axis=(2, 3, 4, 5))
    expected = (weight * by_segment).mean()
    assert named(loss, inputs)["diff_loss"] == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("freeze", [False, True])
def test_the_diffusion_loss_reaches_the_backbone_unless_it_is_frozen(freeze):
    loss, settings = loss_of(diffusion={"prediction": "x0"}, alpha=0.0, freeze_backbone=freeze)
    inputs = batch(settings)
    gradient = ms.grad(
        loss, None, ms.ParameterTuple([loss.network.backbone_net.value]), has_aux=True
    )(*inputs.values())[0]
    # d/dmu of mean (2 (truth - mu))^2 is -4 mean of the residual
    expected = 0.0 if freeze else -4 * residual_of(inputs).mean()
    value = ops.stack([gradient] if isinstance(gradient, Tensor) else list(gradient)).asnumpy()
    assert float(value.ravel()[0]) == pytest.approx(expected, abs=1e-4)


def test_a_backbone_alone_has_its_own_loss_and_the_mean_squared_error_beside_it():
    context, truth = (
        Tensor(np.full((2, frames, 4, 4, 1), 0.75, np.float32)) for frames in (CONTEXT, TARGET)
    )
    loss, (same, mse) = BackboneLoss(Shifter())(context, truth)
    assert float(loss) == float(same) == pytest.approx(7 * 0.25)
    assert float(mse) == pytest.approx(0.25)
