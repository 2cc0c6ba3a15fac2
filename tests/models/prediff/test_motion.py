import mindspore as ms
import numpy as np
import pytest
from mindspore import Parameter, Tensor, nn, ops

from mindcast.compiled import arguments
from mindcast.diffusion.guidance import AlignmentGuidance
from mindcast.models.prediff.alignment import AlignmentNetwork, OfDifference
from mindcast.models.prediff.denoising_loss import DenoisingLoss, MovedDenoisingLoss
from mindcast.models.prediff.forecaster import PreDiffForecaster
from mindcast.models.prediff.latents import FrameLatents
from mindcast.models.prediff.settings import AlignmentSettings, DiffusionSettings
from mindcast.models.prediff.stages import build_alignment, build_autoencoder, build_denoiser
from mindcast.motion.moved import VALUE, moved_members
from mindcast.samples import NowcastInput
from mindcast.settings import load_settings
from tests.motion.blobs import moving

SEED, KEYS = 3, (4, 9)


def settings(*changes):
    """7-frame smoke settings of PreDiff with motion."""
    return load_settings("configs/smoke/prediff.yaml", ("model.motion={}", *changes)).model


def context(chosen, cases=2):
    velocities = ((1.5, -0.5), (-1.0, 1.0))[:cases]
    frames = [moving(v, chosen.context_frames, 32, seed=k) for k, v in enumerate(velocities)]
    return NowcastInput(np.stack(frames)[..., np.newaxis])


def networks(chosen):
    ms.set_seed(0)
    made = {
        "vae": build_autoencoder(chosen),
        "diffusion": build_denoiser(chosen),
        "alignment": build_alignment(chosen),
    }
    return {stage: network.set_train(False) for stage, network in made.items()}


def forecaster_of(chosen, **sampling):
    run = load_settings("configs/smoke/prediff.yaml").sampling
    options = run.model_copy(update={"sampler": "ddim", "steps": 2, "batch_size": 3} | sampling)
    return PreDiffForecaster(chosen, networks(chosen), options, seed=SEED, compiled=False)


def members_of(chosen, given, members):
    """The extrapolated frames of every member (N, M, T, H, W, 1)."""
    made = moved_members(
        given.context,
        KEYS[: len(given.context)],
        members,
        chosen.target_frames,
        chosen.motion,
        SEED,
    )
    return made[..., VALUE : VALUE + 1]


@pytest.mark.slow
def test_an_untrained_denoiser_of_the_difference_forecasts_each_member_s_extrapolation():
    chosen = settings("model.diffusion.prediction=x0", "model.diffusion.scale_factor=3")
    forecaster = forecaster_of(chosen)
    made = forecaster.forecast("prediff", context(chosen), KEYS, members=2)
    np.testing.assert_allclose(made, members_of(chosen, context(chosen), 2), atol=1e-5)
    assert not np.allclose(made[:, 0], made[:, 1], atol=1e-3)


def test_the_latents_themselves_are_diffused_where_asked():
    motion = "model.motion={difference: false, match_values: false}"
    chosen = settings(motion, "model.diffusion.prediction=x0")
    forecaster = forecaster_of(chosen)
    made = forecaster.forecast("prediff", context(chosen, 1), KEYS[:1], members=1)
    # an untrained denoiser's clean latent is 0
    zeros = np.zeros(chosen.latent_shape(chosen.target_frames), np.float32)
    np.testing.assert_allclose(made[0, 0], np.clip(forecaster._decode(zeros), 0, 1), atol=1e-6)


@pytest.mark.parametrize(
    "given",
    [np.zeros((1, 3, 32, 32, 1)), np.full((1, 3, 32, 32, 1), 0.4)],
    ids=["dry", "constant"],
)
def test_a_context_without_motion_stands_still(given):
    chosen = settings("model.diffusion.prediction=x0")
    given = NowcastInput(given.astype(np.float32))
    made = forecaster_of(chosen).forecast("prediff", given, KEYS[:1], members=2)
    np.testing.assert_allclose(made, np.full_like(made, given.context.max()), atol=1e-5)


# -- latents and losses -----------------------------------------------------------------------


class Halving(nn.Cell):
    """An autoencoder that takes means of 2 x 2 pixels times 3; its posterior has variance 1."""

    def encode(self, x):
        mean = 3 * ops.avg_pool2d(x, 2, 2)
        return mean, ops.zeros_like(mean)

    def sample(self, mean, logvar, noise):
        return mean + ops.exp(0.5 * logvar) * noise


class Guided(nn.Cell):
    """A silent denoiser that keeps its guide."""

    def construct(self, x, t, conditioning, guide):
        self.guide = guide
        return 0 * x


class Weighing(nn.Cell):
    """A denoiser with one weight."""

    def __init__(self):
        super().__init__()
        self.weight = Parameter(Tensor(np.float32([0.5])), name="weight")

    def construct(self, x, t, conditioning, guide):
        return self.weight * (x + guide[..., :1] + conditioning)


def blocks(frames):
    """Means of 2 x 2 pixels of (N, T, H, W, C)."""
    n, t, h, w, c = frames.shape
    return frames.reshape(n, t, h // 2, 2, w // 2, 2, c).mean(axis=(3, 5))


def training_batch():
    rng = np.random.default_rng(0)
    return {
        "context": rng.random((2, 1, 4, 6, 1), np.float32),
        "extrapolated": rng.random((2, 2, 4, 6, 3), np.float32),
        "truth": rng.random((2, 2, 4, 6, 1), np.float32),
        "t": np.int32([0, 3]),
        "noise": rng.standard_normal((2, 2, 2, 3, 1), np.float32),
        "posterior_noise": rng.standard_normal((4, 1, 2, 3), np.float32),
    }


def moments_of(arrays):
    """What the frozen autoencoder makes of context and truth, as the losses take it."""
    latents = FrameLatents(Halving())
    return {
        f"{name}_moments": latents.moments(Tensor(arrays[name])).asnumpy()
        for name in ("context", "truth")
    }


def test_the_guides_are_latents_and_block_means_of_the_other_channels():
    moved = training_batch()["extrapolated"]
    guides = FrameLatents(Halving(), scale_factor=5.0).guides(Tensor(moved)).asnumpy()
    expected = np.concatenate([3 * blocks(moved[..., :1]), blocks(moved[..., 1:])], axis=-1)
    np.testing.assert_allclose(guides, expected, rtol=1e-5)


@pytest.mark.parametrize("difference", [True, False])
def test_the_target_is_the_difference_to_the_latents_of_the_extrapolated_frames(difference):
    arrays = training_batch()
    diffusion = DiffusionSettings(timesteps=4, prediction="x0", scale_factor=2.0)
    denoiser = Guided()
    loss = MovedDenoisingLoss(DenoisingLoss(denoiser, Halving(), diffusion), difference)
    total, diagnostics = loss(*arguments(loss, arrays | moments_of(arrays)))
    posterior = arrays["posterior_noise"].reshape(2, 2, 2, 3, 1)
    target = 2 * (3 * blocks(arrays["truth"]) + posterior)
    start = 2 * 3 * blocks(arrays["extrapolated"][..., :1])
    clean = target - start if difference else target
    named = dict(zip(loss.diagnostic_names, diagnostics, strict=True))
    assert float(named["loss_simple"]) == pytest.approx((clean**2).mean(), rel=1e-5)
    assert float(total) == float(named["loss"])
    assert denoiser.guide.shape == (2, 2, 2, 3, 3)


@pytest.mark.parametrize("difference", [True, False])
def test_the_compiled_loss_agrees_with_pynative(difference):
    arrays = training_batch()
    diffusion = DiffusionSettings(timesteps=4, prediction="v", scale_factor=2.0)
    loss = MovedDenoisingLoss(DenoisingLoss(Weighing(), Halving(), diffusion), difference)
    inputs = arguments(loss, arrays | moments_of(arrays))
    weights = ms.ParameterTuple(loss.trainable_params())
    assert {parameter.name for parameter in weights} == {"weight", "logvar"}
    differentiate = ms.value_and_grad(loss, None, weights, has_aux=True)
    (value, _), gradients = differentiate(*inputs)
    (compiled, _), compiled_gradients = ms.jit(differentiate)(*inputs)
    assert float(compiled) == pytest.approx(float(value), rel=1e-5)
    for a, b in zip(compiled_gradients, gradients, strict=True):
        np.testing.assert_allclose(a.asnumpy(), b.asnumpy(), rtol=1e-4, atol=1e-6)


def test_the_denoiser_uses_the_guide_of_the_frame_it_is_for():
    chosen = settings()
    denoiser = networks(chosen)["diffusion"]
    rng = np.random.default_rng(0)
    for parameter in denoiser.get_parameters():
        shaken = parameter.asnumpy() + 0.05 * rng.standard_normal(parameter.shape, np.float32)
        parameter.set_data(Tensor(shaken))
    latent = chosen.latent_shape(chosen.target_frames)
    assert chosen.guide_channels == latent[-1] + 2
    x = rng.standard_normal((1, *latent), np.float32)
    known = rng.standard_normal((1, *chosen.latent_shape(chosen.context_frames)), np.float32)
    guide = rng.standard_normal((1, *latent[:3], chosen.guide_channels), np.float32)
    given = [Tensor(x), Tensor([5], ms.int32), Tensor(known)]
    base = denoiser(*given, Tensor(guide)).asnumpy()
    for channel in range(chosen.guide_channels):
        changed = guide.copy()
        changed[..., channel] += 1
        assert np.abs(denoiser(*given, Tensor(changed)).asnumpy() - base).max() > 1e-5, channel


# -- knowledge alignment ----------------------------------------------------------------------


def alignment_case():
    """The network, its reading of differences, and a noisy latent told both ways."""
    shape, scale = (3, 4, 4, 2), 2.5
    rng = np.random.default_rng(1)
    process = DiffusionSettings(timesteps=50).process()
    ms.set_seed(0)
    tiny = AlignmentSettings(base_units=4, depth=(1,), heads=2, scale_shift=True)
    network = AlignmentNetwork(tiny, shape, None).set_train(False)
    z, start, noise = (rng.standard_normal((2, *shape), np.float32) for _ in range(3))
    t = np.int32([0, 40])
    signal, sigma = (
        np.float32(root[t]).reshape(-1, 1, 1, 1, 1)
        for root in (process.sqrt_alpha_bar, np.sqrt(1 - process.alpha_bar))
    )
    absolute = signal * scale * z + sigma * noise
    difference = signal * scale * (z - start) + sigma * noise
    guide = np.concatenate([start, rng.random((2, 3, 4, 4, 2), np.float32)], axis=-1)
    known = (Tensor(np.zeros((2, 1, 4, 4, 2), np.float32)), Tensor(guide))
    of_difference = OfDifference(network, process, scale)
    return network, of_difference, Tensor(absolute), Tensor(difference), Tensor(t), known


def test_alignment_reads_of_a_noisy_difference_what_it_reads_of_the_noisy_latent():
    network, of_difference, absolute, difference, t, known = alignment_case()
    expected = network(absolute, t).asnumpy()
    np.testing.assert_allclose(of_difference(difference, t, *known).asnumpy(), expected, atol=1e-5)
    assert np.abs(network(difference, t).asnumpy() - expected).max() > 1e-3


def test_the_guidance_of_a_difference_is_that_of_the_latent():
    network, of_difference, absolute, difference, t, known = alignment_case()
    target = Tensor(np.float32([[0.3], [-0.2]]))
    expected, violation = AlignmentGuidance(network)(absolute, t, target)
    gradient, same = AlignmentGuidance(of_difference)(difference, t, target, *known)
    np.testing.assert_allclose(same.asnumpy(), violation.asnumpy(), rtol=1e-4)
    scale = np.abs(expected.asnumpy()).max()
    assert scale > 1e-4
    np.testing.assert_allclose(gradient.asnumpy(), expected.asnumpy(), atol=1e-3 * scale)
