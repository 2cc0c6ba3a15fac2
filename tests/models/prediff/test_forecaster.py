from types import SimpleNamespace

import numpy as np
from mindspore import nn, ops

from mindcast.config.schema import Sampling
from mindcast.models.prediff.forecaster import PreDiffForecaster
from mindcast.models.prediff.settings import DiffusionSettings
from mindcast.samples import NowcastInput


class Halver(nn.Cell):
    """An autoencoder that halves frames and doubles latents."""

    def encode(self, x):
        return 0.5 * x, ops.zeros_like(x)

    def decode(self, z):
        return 2 * z


class Echo(nn.Cell):
    """A denoiser whose clean latents are the mean of those of the context."""

    def construct(self, x, t, conditioning):
        return 0 * x + conditioning.mean(axis=1, keep_dims=True)


def test_the_denoiser_gets_the_latents_of_the_context_without_the_scale():
    diffusion = DiffusionSettings(timesteps=4, prediction="x0", scale_factor=4.0)
    settings = SimpleNamespace(
        context_frames=2,
        target_frames=3,
        frame_size=(4, 4),
        cell=1,
        latent_chw=(1, 4, 4),
        motion=None,
        diffuses_difference=False,
        diffusion=diffusion,
        latent_shape=lambda frames: (frames, 4, 4, 1),
    )
    networks = {"vae": Halver(), "diffusion": Echo()}
    forecaster = PreDiffForecaster(settings, networks, Sampling(steps=4), seed=0, compiled=False)
    context = np.random.default_rng(0).random((1, 2, 4, 4, 1), np.float32)
    forecast = forecaster.forecast("prediff", NowcastInput(context), keys=[0], members=1)
    # the clean latent is the mean of context / 2; the decoder gets a quarter of it and doubles that
    expected = np.broadcast_to(context.mean(axis=1) / 4, forecast.shape)
    np.testing.assert_allclose(forecast, expected, rtol=1e-5)
