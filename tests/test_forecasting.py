from dataclasses import replace

import numpy as np
import pytest

from mindcast.forecasting import Forecasting
from mindcast.models import MODELS, load_spec
from mindcast.refusal import Refusal
from mindcast.samples import NowcastInput, Sample
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


class Numbered:
    """A forecaster whose members are their numbers, of any seed but one a thousand more."""

    methods, deterministic = ("drawn", "single"), ("single",)

    def __init__(self):
        self.asked = []

    def forecast(self, method, input, keys, members, truth, progress, *, first, seed):
        assert input.context.shape == (1, 2, 4, 4, 1)
        assert (tuple(keys), truth) == ((0,), None)
        count = 1 if method == "single" else members
        self.asked.append(count)
        return np.arange(first, first + count)[np.newaxis] + 1000 * (seed or 0)


@pytest.mark.parametrize(
    ("members", "parts"), [(12, [6, 6]), (8, [8]), (9, [5, 4]), (17, [6, 6, 5]), (1, [1])]
)
def test_members_come_in_few_equal_parts(members, parts):
    sampling = SAMPLING.model_copy(update={"batch_size": 8, "members": members})
    forecaster = Numbered()
    model = Forecasting(forecaster, forecaster.methods, sampling, {})
    given = NowcastInput(np.zeros((2, 4, 4, 1), np.float32))
    made = [*model.in_parts("drawn", given)]
    assert forecaster.asked == parts
    assert [first for first, _ in made] == [sum(parts[:k]) for k in range(len(parts))]
    np.testing.assert_array_equal(np.concatenate([m for _, m in made]), np.arange(members))


def test_what_is_asked_for_counts_more_than_the_settings():
    sampling = SAMPLING.model_copy(update={"batch_size": 8, "members": 5})
    model = Forecasting(Numbered(), Numbered.methods, sampling, {})
    given = NowcastInput(np.zeros((2, 4, 4, 1), np.float32))
    ((_, made),) = model.in_parts("drawn", given, members=3, seed=2)
    assert made.tolist() == [2000, 2001, 2002]
    ((_, made),) = model.in_parts("single", given, members=3)
    assert made.tolist() == [0]
