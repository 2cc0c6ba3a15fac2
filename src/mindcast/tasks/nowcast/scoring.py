"""Nowcasts scored beside their baselines, written and drawn, wherever they come from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from mindcast.cases import NowcastCase
from mindcast.config.schema import Scoring
from mindcast.evaluation.nowcast.baselines import BASELINES, Past
from mindcast.evaluation.nowcast.report import table_text, write_report
from mindcast.evaluation.nowcast.suite import NowcastSuite

PIXEL_KM = 2.0  # where nothing tells how large pixels are


class ValuesLike(Protocol):
    """What values of frames mean, as `data.base.Sequences` has it."""

    @property
    def thresholds(self) -> tuple[float, ...]: ...

    @property
    def value_scale(self) -> float: ...

    @property
    def unit(self) -> str: ...

    @property
    def interval_minutes(self) -> int: ...


class NowcastScoring:
    """All scores of forecasts and of the baselines of `options`, by lead time.

    methods: the forecasts to come. data: what values mean; its interval is that between the frames
    of a context, and with baselines lead times are multiples of it. members, seed: of baselines
    that are ensembles. pixel_km: where it is known and `options` do not give it.
    """

    def __init__(
        self,
        methods: Sequence[str],
        options: Scoring,
        data: ValuesLike,
        lead_minutes: Sequence[int],
        members: int,
        seed: int,
        pixel_km: float | None = None,
    ) -> None:
        self.pixel_km = options.pixel_km or pixel_km or PIXEL_KM
        self.methods, self.options, self.data = tuple(methods), options, data
        self.lead_minutes, self.members, self.seed = np.array(lead_minutes), members, seed
        self.baselines: tuple[str, ...] = tuple(dict.fromkeys(options.baselines))
        self.suite = NowcastSuite(
            (*self.baselines, *methods),
            data.thresholds,
            data.value_scale,
            options.pools,
            lead_minutes,
            data.unit,
            options.scales,
        )

    def score(self, case: NowcastCase) -> None:
        """The baselines and all forecasts of the case, by lead time."""
        for name in self.baselines:
            made = BASELINES[name](self._past(case))
            case.forecasts[name] = np.take(made.forecast, self._steps - 1, axis=-4)
            if made.instead:
                self.suite.note(name, made.instead, made.why)
        for method in case.forecasts:
            self.suite.update(method, case.forecasts[method][np.newaxis], case.truth[np.newaxis])

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
        """Curves of all methods by lead time, scale and wavelength; what ensembles know."""
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
        by_all = {"errors": error_curves, "bias": bias_curves, "spectra": spectrum_curves}
        if 1 not in self.options.pools:
            del by_all["bias"]
        for name, draw in by_all.items():
            path = folder / f"{name}.png"
            draw(path, result, self.baselines)
            yield path
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

    @property
    def _steps(self) -> np.ndarray:
        """Which of the frames that follow a context are scored, counted from 1."""
        return self.lead_minutes // self.data.interval_minutes

    def _past(self, case: NowcastCase) -> Past:
        """What the baselines may see; their random numbers are of the run and of the case alone."""
        seed = np.random.SeedSequence((self.seed, case.key)).generate_state(1)
        return Past(
            case.context,
            int(self._steps[-1]),
            self.data.interval_minutes,
            case.value_scale,
            case.unit,
            self.pixel_km,
            self.members,
            int(seed[0]),
        )

    def _panel_threshold(self) -> float:
        """The threshold of probabilities and hits: the one asked for, else the middle one."""
        if self.options.probability_threshold is not None:
            return self.options.probability_threshold
        thresholds = self.data.thresholds
        return thresholds[(len(thresholds) - 1) // 2]
