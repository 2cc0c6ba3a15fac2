"""How the task "nowcast" is scored, written and drawn; see `tasks.base.Task`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from mindcast.cases import NowcastCase
from mindcast.config.schema import RunSettings
from mindcast.data.base import Sequences, WindowLike
from mindcast.evaluation.nowcast.baselines import BASELINES, Past
from mindcast.evaluation.nowcast.report import table_text, write_report
from mindcast.evaluation.nowcast.suite import NowcastSuite
from mindcast.samples import NowcastSample


class Task:
    """Sequences of frames: baselines beside the model, all scores by lead time."""

    def __init__(
        self,
        samples: Sequences,
        settings: RunSettings,
        window: WindowLike,
        methods: tuple[str, ...],
    ) -> None:
        self.samples, self.options, self.methods = samples, settings.evaluation, methods
        self.members, self.seed = settings.sampling.members, settings.runtime.seed
        self.baselines: tuple[str, ...] = tuple(dict.fromkeys(self.options.baselines))
        leads = range(1, window.length - window.context + 1)
        self.suite = NowcastSuite(
            (*self.baselines, *methods),
            samples.thresholds,
            samples.value_scale,
            self.options.pools,
            [samples.interval_minutes * lead for lead in leads],
            samples.unit,
            self.options.scales,
        )

    def case(self, i: int, sample: NowcastSample) -> NowcastCase:
        """Sample i with its times and what its values mean."""
        data = self.samples
        return NowcastCase(
            data.label(i),
            sample,
            data.times(i),
            data.value_scale,
            data.unit,
            key=int(data.keys[i]),
        )

    def score(self, case: NowcastCase) -> None:
        """The baselines and all forecasts of the case, by lead time."""
        past = self._past(case)
        for name in self.baselines:
            made = BASELINES[name](past)
            case.forecasts[name] = made.forecast
            if made.instead:
                self.suite.note(name, made.instead, made.why)
        for method in case.forecasts:
            self.suite.update(method, case.forecasts[method][np.newaxis], case.truth[np.newaxis])

    def keep(self, case: NowcastCase, folder: Path, provenance: Mapping[str, Any]) -> None:
        """Nothing: the frames of a case are in its pictures."""

    def draw_case(self, case: NowcastCase, folder: Path) -> Iterator[Path]:
        """A panel and an animation of each method."""
        from mindcast.visualization.nowcast.animation import forecast_animation
        from mindcast.visualization.nowcast.panels import forecast_panel
        from mindcast.visualization.nowcast.view import View

        beside = tuple(name for name in self.baselines if not case.is_ensemble(name))
        for method in self.methods:
            view = View(case, method, beside)
            panel = folder / f"{method}_{case.label}.png"
            forecast_panel(panel, view, self._panel_threshold())
            yield panel
            animation = panel.with_suffix(".gif")
            forecast_animation(animation, view)
            yield animation

    def write(self, folder: Path, provenance: Mapping[str, Any], **about: Any) -> str:
        """The report's files; gives the table to print."""
        result = self.suite.result()
        write_report(folder, {**about, **result}, provenance)
        return table_text(result)

    def draw(self, folder: Path) -> Iterator[Path]:
        """Curves of all methods by lead time; what ensembles know."""
        from mindcast.visualization.nowcast import ensembles
        from mindcast.visualization.nowcast.curves import bias_curves, csi_curves, error_curves
        from mindcast.visualization.nowcast.neighbourhoods import fss_curves
        from mindcast.visualization.nowcast.roc import roc_curves
        from mindcast.visualization.nowcast.spectra import spectrum_curves

        result = self.suite.result()
        for pool in self.options.pools:
            curves = folder / (f"csi_pool{pool}.png" if pool > 1 else "csi.png")
            csi_curves(curves, result, self.baselines, pool)
            yield curves
        errors = folder / "errors.png"
        error_curves(errors, result, self.baselines)
        yield errors
        if 1 in self.options.pools:
            bias = folder / "bias.png"
            bias_curves(bias, result, self.baselines)
            yield bias
        spectra = folder / "spectra.png"
        spectrum_curves(spectra, result, self.baselines)
        yield spectra
        for name, picture in (
            ("fss", fss_curves),
            ("spread_skill", ensembles.spread_curves),
            ("reliability", ensembles.reliability_diagrams),
            ("roc", roc_curves),
            ("ranks", ensembles.rank_histograms),
        ):
            path = folder / f"{name}.png"
            if picture(path, result, self.baselines):
                yield path

    def _past(self, case: NowcastCase) -> Past:
        """What the baselines may see; their random numbers are of the run and of the case alone."""
        seed = np.random.SeedSequence((self.seed, case.key)).generate_state(1)
        return Past(
            case.context,
            len(case.truth),
            self.samples.interval_minutes,
            case.value_scale,
            case.unit,
            self.options.pixel_km,
            self.members,
            int(seed[0]),
        )

    def _panel_threshold(self) -> float:
        """The threshold of probabilities and hits: the one asked for, else the middle one."""
        if self.options.probability_threshold is not None:
            return self.options.probability_threshold
        thresholds = self.samples.thresholds
        return thresholds[(len(thresholds) - 1) // 2]
