from dataclasses import replace

import numpy as np
import pytest

from mindcast.forecasting import Forecasting
from mindcast.models import MODELS, load_spec
from mindcast.refusal import Refusal
from mindcast.samples import Sample
from tests.contract.models import (
    SAMPLING,
    build_networks,
    forecaster_of,
    input_and_truth,
    settings_of,
)

KEY = 4


@pytest.fixture(scope="module", params=MODELS)
def model(request):
    return request.param


@pytest.fixture(scope="module")
def networks(model):
    return build_networks(model, load_spec(model).stages)


@pytest.fixture(scope="module")
def forecasting(model, networks):
    sampling = SAMPLING.model_copy(update={"members": 2})
    forecaster = forecaster_of(model, networks, members=2)
    return Forecasting(forecaster, forecaster.methods, sampling, {})


@pytest.fixture(scope="module")
def sample(model):
    given, truth = input_and_truth(model)
    return Sample(given, truth).mapped(lambda array: array[0])


@pytest.mark.slow
def test_a_forecast_needs_no_truth_and_makes_no_use_of_one(forecasting, sample):
    known, unknown = (forecasting.of_sample(s, KEY) for s in (sample, Sample(sample.input)))
    assert list(known) == list(forecasting.methods)
    for method, made in known.items():
        np.testing.assert_array_equal(made, unknown[method], err_msg=method)
        assert made.shape == forecasting.shape(method, sample.truth.shape)


def test_the_steps_of_one_sample_are_those_that_are_reported(forecasting, sample):
    done = []
    forecasting.of_sample(sample, KEY, done.append)
    assert sum(done) == forecasting.steps > 0


def test_what_is_steered_by_the_truth_is_refused_without_one():
    settings = settings_of("prediff").model
    towards_truth = settings.guidance.model_copy(update={"target": "truth"})
    networks = build_networks("prediff", load_spec("prediff").stages)
    forecaster = load_spec("prediff").build_forecaster(
        settings.model_copy(update={"guidance": towards_truth}), networks, SAMPLING, 0, False
    )
    given, _ = input_and_truth("prediff")
    one = Sample(given.mapped(lambda array: array[0]))
    plain = Forecasting(forecaster, ("prediff",), SAMPLING, {})
    assert plain.of_sample(one, KEY)["prediff"].shape[0] == SAMPLING.members
    with pytest.raises(Refusal, match=r"model\.guidance\.target = 'truth': there is no truth"):
        replace(plain, methods=("prediff-ka",)).of_sample(one, KEY)
