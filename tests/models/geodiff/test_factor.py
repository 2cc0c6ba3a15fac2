"""From files to a forecast, at both factors."""

import numpy as np
import pytest

from mindcast.config.schema import Sampling, StageTraining
from mindcast.data import open_split
from mindcast.data.base import checked
from mindcast.data.temperature.settings import SyntheticTemperatureSettings
from mindcast.models.geodiff import draws, stages
from mindcast.models.geodiff.deterministic import DeterministicNetwork
from mindcast.models.geodiff.forecaster import GeoDiffForecaster
from mindcast.models.geodiff.residual_network import ResidualNetwork
from mindcast.models.geodiff.spec import SPEC
from mindcast.physics.resample import bicubic, block_mean
from mindcast.samples import stacked
from mindcast.training.train_step import ObjectiveStep
from tests.models.geodiff.small import built, settings_of

LEVELS = (1000, 850, 500, 300)


@pytest.mark.slow
@pytest.mark.parametrize("factor", [4, 8])
def test_both_stages_learn_and_forecast_whole_domains(tmp_path, factor):
    settings = settings_of(levels_hpa=LEVELS, factor=factor, frame_size=(16, 16))
    data = SyntheticTemperatureSettings(
        name="synthetic_temperature",
        root_dir=str(tmp_path),
        grid_size=(32, 48),
        states=4,
        crop_stride=16,
    )
    crops = open_split(data, "train", SPEC.stages["deterministic"].window(settings))
    batch = stacked([checked(crops, i) for i in (0, 1)])
    primary = built(DeterministicNetwork, settings)
    stages.calibrate_deterministic(settings, primary, {}, [batch])
    frozen = {"deterministic": primary}
    denoiser = built(ResidualNetwork, settings)
    stages.calibrate_residual(settings, denoiser, frozen, [batch])

    whole = open_split(data, "test", SPEC.window(settings))
    domain = checked(whole, 0).batched()
    assert domain.truth.shape == (1, len(LEVELS), 32, 48, 1)
    coarse = domain.input.temperature_lr[..., 0]
    np.testing.assert_allclose(block_mean(domain.truth[..., 0], factor), coarse, atol=1e-3)

    def forecast(method):
        forecaster = GeoDiffForecaster(
            settings,
            {**frozen, "diffusion": denoiser},
            Sampling(sampler="ddim", steps=2, batch_size=1),
            seed=0,
            compiled=False,
        )
        return forecaster.forecast(method, domain.input, [0], 1)

    untrained = forecast("geodiff-det")
    interpolated = bicubic(coarse.astype(np.float64), factor)
    np.testing.assert_allclose(untrained[:, 0, ..., 0], interpolated, atol=1e-4)

    for objectives, network in (
        (stages.deterministic_objectives, primary),
        (stages.denoiser_objectives, denoiser),
    ):
        (objective,) = objectives(settings, network, frozen)
        step = ObjectiveStep(objective, StageTraining(optimizer="adam"), (), graph=False)
        drawn = draws.for_residuals(settings, np.random.default_rng(0), 2)
        named = {**batch.named, **drawn}
        totals = [float(step.run(k, [named], 1e-2)["total"].asnumpy()) for k in range(4)]
        assert totals[-1] < totals[0]
    assert np.abs(forecast("geodiff-det") - untrained).max() > 1e-2
    assert np.isfinite(forecast("geodiff")).all()
