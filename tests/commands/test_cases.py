"""Several cases at a time are the cases one by one."""

from types import SimpleNamespace

import numpy as np
import pytest

from mindcast.commands.cases import Cases
from mindcast.config.schema import Evaluation, Runtime, Sampling
from mindcast.runtime.parallel import ALONE
from mindcast.samples import NowcastInput, Sample
from mindcast.tasks.nowcast.task import Task
from tests.commands.testing import COUNT, Forecaster, Split, without_pictures, work


class Mixed(Split):
    """Every third sample is larger."""

    def __getitem__(self, i):
        side = 16 if i % 3 == 2 else 12
        frames = np.random.default_rng(i).random((5, side, side, 1), np.float32)
        return Sample(NowcastInput(frames[:2]), frames[2:])


def cases_of(forecaster, split=None, world=ALONE):
    split = split or Split()
    run = SimpleNamespace(
        data=SimpleNamespace(pixel_km=None),
        evaluation=Evaluation(pools=(1,)),
        sampling=Sampling(),
        runtime=Runtime(),
    )
    task = Task(split, run, SimpleNamespace(length=5, context=2), ("ours",))
    return Cases(split, run.evaluation, forecaster, task, world)


@pytest.mark.parametrize(
    ("at_once", "first", "calls"),
    [
        (1, 0, [[0], [1], [2], [3], [4], [5]]),
        (2, 0, [[0, 1], [2, 3], [4, 5]]),
        (4, 0, [[0, 1, 2], [3, 4, 5]]),  # not 4 and 2: batches of one length
        (4, 1, [[1, 2, 3], [4, 5]]),
        (9, 0, [[0, 1, 2, 3, 4, 5]]),
        (9, COUNT, []),
    ],
)
def test_cases_go_together_in_batches_of_about_one_length(at_once, first, calls):
    forecaster = Forecaster(cases_at_once=at_once)
    made = list(cases_of(forecaster).forecast(first))
    assert forecaster.calls == calls
    assert [case.label for case in made] == [f"event_{i}" for i in range(first, COUNT)]


def test_each_case_gets_its_own_forecast_also_where_only_some_are_alike():
    alone, together = (
        list(cases_of(Forecaster(cases_at_once=n), Mixed()).forecast(0)) for n in (1, 6)
    )
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_array_equal(one.forecasts["ours"], other.forecasts["ours"])
    forecaster = Forecaster(cases_at_once=6)
    list(cases_of(forecaster, Mixed()).forecast(0))
    assert forecaster.calls == [[0, 1, 3, 4], [2, 5]]


class First:
    """The first of two processes; the other one's forecasts are all 0."""

    rank, size, is_leader = 0, 2, True

    def sum(self, array):
        return array

    def broadcast(self, array, shape, source):
        assert (array is None) == (source == 1)
        return np.zeros(shape, np.float32) if array is None else array


def test_processes_take_every_other_case_also_several_at_a_time():
    forecaster = Forecaster(cases_at_once=2)
    made = list(cases_of(forecaster, world=First()).forecast(0))
    assert forecaster.calls == [[0, 2], [4]]
    assert [bool(case.forecasts["ours"].any()) for case in made] == [True, False] * 3


def test_scores_are_the_same_whatever_goes_together(tmp_path, monkeypatch):
    without_pictures(monkeypatch)
    scores = []
    for at_once in (1, 4):
        work(tmp_path / str(at_once), forecaster=Forecaster(cases_at_once=at_once), figures=0)
        scores.append((tmp_path / str(at_once) / "report" / "scores.csv").read_text())
    assert scores[0] == scores[1]
