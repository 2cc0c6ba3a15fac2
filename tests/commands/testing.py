"""A split, a forecaster that costs nothing and the parts of a test over them."""

from __future__ import annotations

from contextlib import ExitStack
from types import SimpleNamespace

import numpy as np

from mindcast.commands import report
from mindcast.commands.cases import Cases
from mindcast.commands.report import Contents
from mindcast.commands.test import _score
from mindcast.config.schema import Evaluation, Runtime, Sampling
from mindcast.runtime.parallel import ALONE
from mindcast.runtime.run_folder import RunFolder
from mindcast.samples import NowcastInput, Sample
from mindcast.tasks.nowcast.task import Task

COUNT, SIDE = 6, 12


class Split:
    """Five frames a sample, two of them context; read: the numbers of those that were read."""

    thresholds, value_scale, interval_minutes, unit = (20, 40), 90.0, 6, "dBZ"
    source = "made up"

    def __init__(self, bad=(), labels=None):
        self.keys, self.bad, self.read = np.arange(COUNT), set(bad), []
        self.labels = labels or [f"event_{i}" for i in range(COUNT)]

    def __len__(self):
        return COUNT

    def __getitem__(self, i):
        self.read.append(i)
        frames = np.random.default_rng(i).random((5, SIDE, SIDE, 1), np.float32)
        if i in self.bad:
            frames[0, 0, 0] = np.nan
        return Sample(NowcastInput(frames[:2]), frames[2:])

    def label(self, i):
        return self.labels[i]

    def times(self, i):
        return np.datetime64("2020-10-31T07:00", "m") + 6 * np.arange(5).astype("m8[m]")


class Forecaster:
    """Two members of noise by the key of the sample; asked: the keys of the forecasts made."""

    methods, steps = ("ours",), 1

    def __init__(self, at=None, act=None, cases_at_once=1):
        self.asked, self.at, self.act = [], at, act
        self.cases_at_once, self.calls = cases_at_once, []

    def shape(self, method, of_one):
        return (2, *of_one)

    def of_samples(self, samples, keys, progress):
        self.calls.append(keys)
        return [self._of(*pair, progress) for pair in zip(samples, keys, strict=True)]

    def _of(self, sample, key, progress):
        if key == self.at:
            self.act()
        self.asked.append(key)
        progress(1)
        rng = np.random.default_rng(100 + key)
        return {"ours": rng.random((2, *sample.truth.shape), np.float32)}


def work(folder, split=None, forecaster=None, resume=False, settings="one", **options):
    """What `--mode test` does once the model is loaded; gives the forecaster."""
    split, forecaster = split or Split(), forecaster or Forecaster()
    options = {"pools": (1,), "figures": 2, **options}
    run = SimpleNamespace(
        data=SimpleNamespace(pixel_km=None),
        evaluation=Evaluation(**options),
        sampling=Sampling(),
        runtime=Runtime(),
    )
    task = Task(split, run, SimpleNamespace(length=5, context=2), ("ours",))
    cases = Cases(split, run.evaluation, forecaster, task, ALONE)
    identity = {"settings": {"sampling": {"of": settings}}, "checkpoint": {"fit": "ab"}}
    of = Contents(task, "sampling: {}\n", {"settings": identity["settings"]}, identity, len(cases))
    with ExitStack() as stack:
        made = None
        if resume:
            made = stack.enter_context(report.go_on(RunFolder(folder), of))
        cases.check(made.done if made else 0)
        if made is None:
            made = stack.enter_context(report.begin(RunFolder(folder), of))
        if not made.finished:
            _score(cases, made.done, made)
    return forecaster


def without_pictures(monkeypatch):
    """Pictures are files without content, which cost nothing."""
    for name in (
        "animation.forecast_animation",
        "panels.forecast_panel",
        "curves.csi_curves",
        "curves.error_curves",
        "curves.bias_curves",
        "ensembles.spread_curves",
        "ensembles.reliability_diagrams",
        "ensembles.rank_histograms",
    ):
        draw = f"mindcast.visualization.nowcast.{name}"
        monkeypatch.setattr(draw, lambda path, *_: path.touch())
