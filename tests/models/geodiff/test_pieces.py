from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mindspore import Tensor

from mindcast.config.schema import Sampling
from mindcast.models.geodiff.deterministic import DeterministicNetwork
from mindcast.models.geodiff.forecaster import GeoDiffForecaster
from mindcast.models.geodiff.pieces import Pieces
from mindcast.physics.resample import bicubic, block_mean
from tests.models.geodiff.small import FINE, built, sample, settings_of
from tests.models.geodiff.test_tiles import forecaster_of

ODD = (9, 15)  # factor 2 and networks of two stages want even sides
TILE = {"size": (4, 8), "overlap": 2}
METHODS = ("geodiff-det", "geodiff")


def pieces(domain, closed=False, **changes):
    return Pieces(domain, settings_of(**changes), closed)


def test_a_domain_that_fits_stays_as_it_is():
    fitting = pieces(FINE)
    field = Tensor(np.random.default_rng(0).random((1, 3, *FINE), np.float32))
    assert fitting.size == FINE
    np.testing.assert_array_equal(fitting.cut(field)[0].asnumpy(), field.asnumpy())
    assert fitting.without_margin(field) is field


@pytest.mark.parametrize(("closed", "behind"), [(False, [14]), (True, [0])])
def test_the_margin_is_the_border_again_or_the_first_columns_of_a_circle(closed, behind):
    field = np.arange(np.prod(ODD), dtype=np.float32).reshape(1, 1, *ODD)
    for channels_last in (False, True):
        given = Tensor(field[0, ..., None] if channels_last else field)
        cut = pieces(ODD, closed).cut(given, channels_last).asnumpy().reshape(10, 16)
        rows, columns = [*range(9), 8], [*range(15), *behind]
        np.testing.assert_array_equal(cut, field[0, 0][np.ix_(rows, columns)])


def test_sides_can_be_halved_as_often_as_the_networks_do_it():
    # networks of three stages halve twice; tiles that end with the domain begin with a coarse cell
    unet = {"dim": 4, "multiples": (1, 1, 1), "heads": 2, "head_size": 4}
    deep = {"frame_size": (24, 24), "denoiser": unet}
    assert pieces((25, 9), **deep).size == (28, 12)
    assert pieces((25, 12), factor=6, **deep).size == (36, 12)


@settings(max_examples=25)
@given(st.integers(3, 30), st.integers(3, 30), st.booleans(), st.booleans())
def test_fields_of_any_size_come_back_from_their_pieces(height, width, closed, tiled):
    field = np.random.default_rng(0).random((1, 2, height, width), np.float32)
    cut = pieces((height, width), closed, tile=TILE if tiled else None)
    back = cut.blend(cut.cut(Tensor(field))).asnumpy()
    np.testing.assert_allclose(back, field, atol=1e-6)


@pytest.mark.parametrize("size", [ODD, (8, 13), (7, 12)])
def test_the_untrained_field_of_any_domain_is_its_bicubic_interpolation(size):
    untrained = built(DeterministicNetwork, settings_of())
    forecaster = GeoDiffForecaster(
        settings_of(), {"deterministic": untrained}, Sampling(), seed=0, compiled=False
    )
    given = sample(cases=1, size=size).input
    made = forecaster.forecast("geodiff-det", given, [0], 1)
    expected = bicubic(given.temperature_lr[..., 0].astype(np.float64), 2, size)
    np.testing.assert_allclose(made[:, 0, ..., 0], expected, atol=5e-5)


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
def test_every_point_of_an_odd_domain_is_forecast_with_the_means_that_were_given(method):
    given = sample(size=ODD).input
    made = forecaster_of(None, enforce_lr_mean=True).forecast(method, given, [3, 5], 2)
    members = 1 if method == "geodiff-det" else 2
    assert made.shape == (2, members, 3, *ODD, 1)
    means = block_mean(made[..., 0], 2)
    expected = np.broadcast_to(given.temperature_lr[:, None, ..., 0], means.shape)
    np.testing.assert_allclose(means, expected, atol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
def test_tiles_of_an_odd_domain_make_the_same_where_networks_have_no_view_around(method):
    given = sample(size=ODD).input
    whole, tiled = (
        forecaster_of(tile, pointwise=True).forecast(method, given, [3, 5], 2)
        for tile in (None, TILE)
    )
    np.testing.assert_allclose(tiled, whole, atol=1e-4)
    assert whole.std() > 1


def test_networks_without_a_view_around_make_nothing_of_the_margin():
    # the same domain, once as it is and once as the corner of a larger one
    forecaster = forecaster_of(None, pointwise=True, priors={"use": False})
    large = sample(size=(12, 16))
    given = large.input
    part = replace(
        given,
        **{name: array[:, :, :5, :7] for name, array in given.named.items() if "_lr" in name},
        statics=given.statics[:, :9, :13],
        metric=given.metric[:, :9, :13],
        weight=given.weight[:, :, :9, :13],
    )
    for name in ("temperature_lr", "wind_lr", "priors_lr"):
        assert getattr(part, name).shape[2:4] == (5, 7)
    small = forecaster.forecast("geodiff-det", part, [0, 1], 1)
    whole = forecaster.forecast("geodiff-det", given, [0, 1], 1)
    # bicubic interpolation sees two coarse cells around
    np.testing.assert_allclose(small[..., :4, :8, :], whole[..., :4, :8, :], atol=1e-4)
