"""What is made of a context once, for all members, parts and methods of its forecast."""

import numpy as np
import pytest

from mindcast.forecasting import Forecasting
from mindcast.models import base
from mindcast.models.remembered import Remembered
from mindcast.samples import NowcastInput
from tests.models.geodiff import test_tiles as geodiff
from tests.models.geodiff.small import sample
from tests.models.test_tiles import DOMAIN, FRAME, MODELS, MOTION, rain

ENCODERS = {"prediff": "encode", "diffcast": "conditioning"}


def counted(forecaster, name):
    """The calls of one of its functions from now on."""
    function, calls = getattr(forecaster, name), []

    def call(*inputs):
        calls.append(inputs)
        return function(*inputs)

    setattr(forecaster, name, call)
    return calls


def in_parts(forecaster, input, methods=None, members=4):
    model = Forecasting(forecaster, forecaster.methods, geodiff.DDIM, {})
    return {
        method: np.concatenate([made for _, made in model.in_parts(method, input, members)])
        for method in methods or forecaster.methods
    }


def test_what_is_remembered_is_of_the_latest_input_alone():
    remembered, one, other = Remembered(), np.zeros(2), np.zeros(2)
    assert [remembered.of(one, "a", lambda: 1), remembered.of(one, "a", lambda: 2)] == [1, 1]
    assert remembered.of(one, "b", lambda: 3) == 3
    assert remembered.of(other, "a", lambda: 4) == 4  # equal, but another object
    assert remembered.of(one, "a", lambda: 5) == 5


@pytest.mark.parametrize("frame", [FRAME, DOMAIN], ids=["a frame", "a domain"])
@pytest.mark.parametrize("model", MODELS)
def test_the_context_is_encoded_once_for_all_parts_of_an_ensemble(model, frame):
    forecaster = MODELS[model](FRAME, None)
    calls = counted(forecaster, ENCODERS[model])
    given = NowcastInput(rain(frame).context[0])
    made = in_parts(forecaster, given, [model])  # 4 members, two at a time
    tiles = 1 if frame == FRAME else 8  # 24 x 44 are 2 x 4 of 16 x 16 with 4 in common
    assert len(calls) == tiles
    whole = MODELS[model](FRAME, None).forecast(model, rain(frame), (0, 1), 4)
    np.testing.assert_allclose(made[model], whole[0], atol=1e-6)


@pytest.mark.parametrize("frame", [FRAME, DOMAIN], ids=["a frame", "a domain"])
@pytest.mark.parametrize("model", MODELS)
def test_the_motion_of_a_context_is_found_once(model, frame, monkeypatch):
    found, forecaster = [], MODELS[model](FRAME, MOTION)
    best_motion = base.best_motion

    def count(*given):
        found.append(given)
        return best_motion(*given)

    monkeypatch.setattr(base, "best_motion", count)
    in_parts(forecaster, NowcastInput(rain(frame).context[0]))
    assert len(found) == 1


@pytest.mark.parametrize("frame", [FRAME, DOMAIN], ids=["a frame", "a domain"])
def test_the_extrapolated_frames_of_a_member_are_encoded_once(frame):
    forecaster = MODELS["prediff"](FRAME, MOTION)
    of_context, of_members = (counted(forecaster, name) for name in ("encode", "guides"))
    in_parts(forecaster, NowcastInput(rain(frame).context[0]))
    tiles = 1 if frame == FRAME else 8
    assert (len(of_context), len(of_members)) == (tiles, 4 * tiles)


@pytest.mark.slow
@pytest.mark.parametrize("tile", [None, geodiff.TILE], ids=["whole", "in tiles"])
def test_a_downscaling_is_prepared_once_for_all_parts_and_methods(tile):
    forecaster = geodiff.forecaster_of(tile, pointwise=True)
    names = ("interpolate", "conditioning")
    calls = [counted(forecaster, name) for name in names]
    given = sample().input.mapped(lambda array: array[0])
    in_parts(forecaster, given)
    assert [len(made) for made in calls] == [1, 1]


@pytest.mark.slow
def test_cases_of_a_downscaling_drawn_together_are_those_drawn_alone():
    together = geodiff.made(geodiff.forecaster_of(None, batch_size=8), members=3)
    forecaster, both = geodiff.forecaster_of(None, batch_size=2), sample().input
    for number, key in enumerate((3, 5)):
        one = both.mapped(lambda array, n=number: array[n : n + 1])
        alone = forecaster.forecast("geodiff", one, [key], 3)
        np.testing.assert_allclose(alone[0], together[number], atol=1e-4)
