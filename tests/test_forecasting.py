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
def test_samples_together_are_forecast_as_each_by_itself(model, forecasting, sample):
    other = replace(sample, input=sample.input.mapped(lambda array: array[:, ::-1].copy()))
    together = forecasting.of_samples([sample, other], [KEY, KEY + 1])
    for number, one in enumerate((sample, other)):
        (alone,) = forecasting.of_samples([one], [KEY + number])
        for method, made in alone.items():
            np.testing.assert_allclose(
                together[number][method], made, rtol=1e-5, atol=1e-5, err_msg=method
            )


@pytest.mark.parametrize(
    ("rows", "members", "methods", "cases"),
    [
        (8, 2, ("drawn", "single"), 4),
        (8, 3, ("drawn",), 2),
        (8, 9, ("drawn",), 1),  # the members of one fill more than a batch
        (8, 2, ("single",), 1),  # what is asked once a case gains nothing
    ],
)
def test_as_many_cases_go_together_as_their_members_fill_a_batch(rows, members, methods, cases):
    sampling = SAMPLING.model_copy(update={"batch_size": rows, "members": members})
    assert Forecasting(Numbered(), methods, sampling, {}).cases_at_once == cases


@pytest.mark.slow
def test_a_forecast_needs_no_truth_and_makes_no_use_of_one(forecasting, sample):
    known, unknown = (forecasting.of_samples([s], [KEY])[0] for s in (sample, Sample(sample.input)))
    assert list(known) == list(forecasting.methods)
    for method, made in known.items():
        np.testing.assert_array_equal(made, unknown[method], err_msg=method)
        assert made.shape == forecasting.shape(method, sample.truth.shape)


def test_the_steps_of_one_sample_are_those_that_are_reported(forecasting, sample):
    done = []
    forecasting.of_samples([sample], [KEY], done.append)
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
    assert plain.of_samples([one], [KEY])[0]["prediff"].shape[0] == SAMPLING.members
    with pytest.raises(Refusal, match=r"model\.guidance\.target = 'truth': there is no truth"):
        replace(plain, methods=("prediff-ka",)).of_samples([one], [KEY])


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
