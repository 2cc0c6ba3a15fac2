import numpy as np
import pytest
from mindspore import nn
from pydantic import ValidationError

from mindcast.config.schema import Sampling
from mindcast.diffusion.samplers import SAMPLERS
from mindcast.models.geodiff.deterministic import DeterministicNetwork
from mindcast.models.geodiff.forecaster import GeoDiffForecaster
from mindcast.models.geodiff.residual_network import ResidualNetwork
from tests.models.geodiff.small import FINE, built, sample, settings_of

DDIM = Sampling(sampler="ddim", steps=2, batch_size=2)
TILE = {"size": (4, 8), "overlap": 2}


class Pointwise(nn.Cell):
    """In place of a U-Net: a mixture of the channels at the point itself."""

    def construct(self, volume, t, features):
        return volume.mean(axis=2, keep_dims=True) + 0.1 * volume[:, :, :1]


def forecaster_of(tile, pointwise=False, batch_size=2, sampler="ddim", **changes):
    settings = settings_of(tile=tile, **changes)
    primary = built(DeterministicNetwork, settings, stir=0.02)
    denoiser = built(ResidualNetwork, settings, stir=0.02, seed=1)
    if pointwise:
        primary.primary, denoiser.denoise_fn = Pointwise(), Pointwise()
    networks = {"deterministic": primary, "diffusion": denoiser}
    sampling = DDIM.model_copy(update={"batch_size": batch_size, "sampler": sampler})
    return GeoDiffForecaster(settings, networks, sampling, seed=0, compiled=False)


def made(forecaster, method="geodiff", members=1):
    return forecaster.forecast(method, sample().input, [3, 5], members)


@pytest.fixture(scope="module")
def whole():
    return made(forecaster_of(None))


@pytest.fixture(scope="module")
def tiled():
    return made(forecaster_of(TILE), members=2)


@pytest.mark.slow
@pytest.mark.parametrize("method", ["geodiff-det", "geodiff"])
def test_a_tile_as_large_as_the_domain_changes_nothing(method):
    whole, tiled = forecaster_of(None), forecaster_of({"size": FINE, "overlap": 4})
    np.testing.assert_array_equal(made(tiled, method), made(whole, method))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("method", "sampler"), [("geodiff-det", "ddim"), *(("geodiff", name) for name in SAMPLERS)]
)
def test_networks_without_a_view_around_make_the_same_of_tiles(method, sampler):
    whole, tiled = (forecaster_of(t, pointwise=True, sampler=sampler) for t in (None, TILE))
    np.testing.assert_allclose(made(tiled, method), made(whole, method), atol=1e-4)
    assert made(whole).std() > 1


@pytest.mark.slow
def test_networks_with_a_view_around_see_tiles_alone(tiled, whole):
    assert np.abs(tiled[:, :1] - whole).max() > 1e-3


@pytest.mark.slow
@pytest.mark.parametrize("batch_size", [1, 5])  # of two cases, the one beside by two
def test_a_member_of_a_tiled_forecast_depends_on_no_batch(tiled, batch_size):
    one = made(forecaster_of(TILE, batch_size=batch_size))
    np.testing.assert_allclose(one, tiled[:, :1], atol=1e-4)


@pytest.mark.slow
def test_guidance_and_tiles_go_together():
    guided = {"timesteps": 20, "prediction": "v", "conditioning_dropout": 0.1, "guidance": 2.0}
    whole, tiled = (forecaster_of(t, pointwise=True, diffusion=guided) for t in (None, TILE))
    np.testing.assert_allclose(made(tiled), made(whole), atol=1e-4)


@pytest.mark.parametrize(
    ("tile", "expected"),
    [
        ({"size": (6, 8), "overlap": 2}, r"tile.size = 6 x 8, expected multiples of 4"),
        ({"size": (4, 8), "overlap": 3}, r"overlap = 3 is more than half of size = 4 x 8"),
    ],
)
def test_tiles_that_cannot_be_are_refused(tile, expected):
    with pytest.raises(ValidationError, match=expected):
        settings_of(tile=tile)
