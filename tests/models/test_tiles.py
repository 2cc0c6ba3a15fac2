"""Nowcasts of domains larger than the frame that the networks are built for."""

import mindspore as ms
import numpy as np
import pytest
from mindspore import Tensor, nn, ops

from mindcast.config.schema import Sampling
from mindcast.models.diffcast.forecaster import DiffCastForecaster
from mindcast.models.diffcast.settings import DiffCastSettings
from mindcast.models.prediff.forecaster import PreDiffForecaster
from mindcast.models.prediff.settings import PreDiffSettings
from mindcast.refusal import Refusal
from mindcast.samples import NowcastInput
from tests.contract.models import build_networks, settings_of, spec_of

FRAME, DOMAIN = (16, 16), (24, 44)
SAMPLING = Sampling(sampler="ddim", steps=3, eta=0.5, batch_size=2)
MOTION = {"spread": 1.0, "learned_share": 0.5}


class PointwiseBackbone(nn.Cell):
    """Frames (N, T, C, H, W) with motion's channels or without: six frames, pixel by pixel."""

    def construct(self, frames):
        return 0.9 * frames[:, :6, :1] if frames.shape[1] == 6 else ops.cat((frames, frames), 1)


class PointwiseDenoiser(nn.Cell):
    def construct(self, x, t, previous, index, guide, feature):
        # the guide's channels begin with mu; "index" shows that numbers of members arrive
        seen = guide[:, :1].expand_dims(1) + feature.expand_dims(1)
        return 0.2 * x + 0.1 * previous + 0.3 * seen + 0.01 * index.reshape(-1, 1, 1, 1, 1)


class PointwiseJoint(nn.Cell):
    def __init__(self):
        super().__init__(auto_prefix=False)
        self.model, self.backbone_net = PointwiseDenoiser(), PointwiseBackbone()

    def construct(self, context, moved=None):
        mu = self.backbone_net(context if moved is None else moved)
        guide = mu.reshape(mu.shape[0], 2, 3, *mu.shape[3:])
        return mu, guide, context[:, -1], context[:, 0]


class PointwiseAutoencoder(nn.Cell):
    """Blocks of 2 x 2 pixels as 4 channels and back, times two."""

    def encode(self, x):
        n, c, h, w = x.shape
        blocks = x.reshape(n, c, h // 2, 2, w // 2, 2).transpose(0, 1, 3, 5, 2, 4)
        latents = 0.5 * blocks.reshape(n, 4 * c, h // 2, w // 2)
        return latents, ops.zeros_like(latents)

    def decode(self, z):
        n, c, h, w = z.shape
        blocks = (2 * z).reshape(n, c // 4, 2, 2, h, w).transpose(0, 1, 4, 2, 5, 3)
        return blocks.reshape(n, c // 4, 2 * h, 2 * w)


class PointwiseLatents(nn.Cell):
    def construct(self, x, t, conditioning, guides=None):
        known = 0.3 * conditioning[:, -1:]
        return 0.2 * x + known + (0 if guides is None else 0.1 * guides[..., :4])


def diffcast_of(frame, motion, **sampling):
    settings = DiffCastSettings(
        name="diffcast",
        frame_size=frame,
        context_frames=3,
        target_frames=6,
        backbone="advection" if motion else "simvp",
        advection={"motion": motion or {}},
        denoiser={"dim": 8, "multiples": (1, 2), "sees_forecast": True},
        diffusion={"timesteps": 20, "prediction": "x0"},
    )
    chosen = SAMPLING.model_copy(update=sampling)
    return DiffCastForecaster(settings, {"joint": PointwiseJoint()}, chosen, 0, compiled=False)


def prediff_of(frame, motion, **sampling):
    settings = PreDiffSettings(
        name="prediff",
        frame_size=frame,
        context_frames=3,
        target_frames=6,
        autoencoder={"latent_channels": 4, "block_channels": (8, 8), "norm_groups": 4},
        adversary={"layers": 1},
        diffusion={"timesteps": 20, "prediction": "x0", "scale_factor": 2.0},
        motion=motion,
    )
    networks = {"vae": PointwiseAutoencoder(), "diffusion": PointwiseLatents()}
    chosen = SAMPLING.model_copy(update=sampling)
    return PreDiffForecaster(settings, networks, chosen, 0, compiled=False)


def rain(frame=DOMAIN, cases=2):
    rng = np.random.default_rng(3)
    coarse = rng.random((cases, 1, frame[0] // 4, frame[1] // 4, 1), np.float32)
    field = np.kron(coarse, np.ones((1, 1, 4, 4, 1), np.float32))
    frames = [np.roll(field, 2 * number, axis=3) for number in range(3)]
    return NowcastInput(np.ascontiguousarray(np.concatenate(frames, axis=1)))


MODELS = {"diffcast": diffcast_of, "prediff": prediff_of}
KEYS = (4, 7)


@pytest.mark.parametrize("motion", [None, MOTION], ids=["still", "along the motion"])
@pytest.mark.parametrize("model", MODELS)
def test_networks_that_look_at_one_pixel_forecast_a_domain_in_tiles_as_at_once(model, motion):
    in_tiles, at_once = MODELS[model](FRAME, motion), MODELS[model](DOMAIN, motion)
    for method in in_tiles.methods:
        made = in_tiles.forecast(method, rain(), KEYS, 2)
        np.testing.assert_allclose(made, at_once.forecast(method, rain(), KEYS, 2), atol=2e-5)


@pytest.mark.parametrize("model", MODELS)
def test_a_member_of_a_domain_depends_on_no_other_and_not_on_the_batch(model):
    three = MODELS[model](FRAME, MOTION).forecast(model, rain(), KEYS, 3)
    second = MODELS[model](FRAME, MOTION, batch_size=5).forecast(
        model, NowcastInput(rain().context[1:]), KEYS[1:], 1, first=2
    )
    np.testing.assert_allclose(second[0, 0], three[1, 2], atol=1e-6)
    assert np.abs(three[1, 2] - three[1, 1]).max() > 1e-3


@pytest.mark.parametrize("frame", [FRAME, DOMAIN], ids=["a frame", "a domain"])
@pytest.mark.parametrize("model", MODELS)
def test_members_from_a_number_on_and_of_another_seed_are_those_of_their_own(model, frame):
    forecaster = MODELS[model](FRAME, MOTION)
    four = forecaster.forecast(model, rain(frame), KEYS, 4, seed=5)
    two = forecaster.forecast(model, rain(frame), KEYS, 2, seed=5, first=2)
    np.testing.assert_allclose(two, four[:, 2:], atol=1e-6)
    assert np.abs(two - forecaster.forecast(model, rain(frame), KEYS, 2, first=2)).max() > 1e-3


@pytest.mark.parametrize("model", MODELS)
def test_a_given_motion_takes_the_place_of_the_one_in_the_context(model):
    still = {**MOTION, "spread": 0.0, "local_spread": 0.0, "learned_share": 0.0}
    forecaster, given = MODELS[model](FRAME, still), rain(FRAME, 1)
    motion = np.zeros((1, *FRAME, 2), np.float32)
    motion[..., 1] = 1  # a row down in every frame
    made = forecaster.forecast(model, NowcastInput(given.context, motion=motion), (0,), 1)
    last = given.context[0, -1]
    np.testing.assert_allclose(made[0, 0, 2, 3:], last[:-3], atol=1e-6)


@pytest.mark.parametrize("shape", [(15, 16), (16, 18)])
def test_frames_that_no_tile_fits_are_refused(shape):
    # the denoiser of 8 channels and two levels sees pixels in patches of 4
    settings = diffcast_of(FRAME, None).settings.model_copy(update={"patch": 4})
    forecaster = DiffCastForecaster(settings, {"joint": PointwiseJoint()}, SAMPLING, 0, False)
    context = np.zeros((1, 3, *shape, 1), np.float32)
    with pytest.raises(Refusal, match=r"or larger frames in multiples of 4$"):
        forecaster.forecast("diffcast-mu", NowcastInput(context), (0,), 1)


@pytest.mark.slow
@pytest.mark.parametrize(
    "variant", ["diffcast", "diffcast that sees the motion", "prediff of the difference"]
)
def test_real_networks_forecast_a_domain_without_seams(variant):
    settings = settings_of(variant)
    height, width = settings.model.frame_size
    networks = build_networks(variant, spec_of(variant).stages)
    forecaster = spec_of(variant).build_forecaster(settings.model, networks, SAMPLING, 0, False)
    frames = settings.model.context_frames
    context = np.full((1, frames, height, 2 * width - 8, 1), 0.5, np.float32)
    ms.set_seed(0)
    made = forecaster.forecast(forecaster.methods[0], NowcastInput(context), (0,), 1)
    assert made.shape == (1, 1, settings.model.target_frames, height, 2 * width - 8, 1)
    assert np.isfinite(Tensor(made).asnumpy()).all()
