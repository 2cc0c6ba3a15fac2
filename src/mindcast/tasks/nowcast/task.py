"""How `--mode test` scores and draws the task "nowcast"; see `test.Task`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from mindcast.config.schema import RunSettings
from mindcast.data.base import Sequences
from mindcast.evaluation.baselines import persistence
from mindcast.evaluation.report import table_text, write_report
from mindcast.evaluation.suite import NowcastSuite
from mindcast.visualization.case import Case

PERSISTENCE = "persistence"


@dataclass
class SequenceCase:
    """A context (1, Tc, H, W, C), what followed it, and what was forecast; see `test.Scored`."""

    number: int
    conditioning: np.ndarray
    truth: np.ndarray
    suite: NowcastSuite
    forecasts: dict[str, np.ndarray] = field(default_factory=dict)

    def baseline(self, name: str) -> np.ndarray:
        """The only one there is: the last frame, kept."""
        return persistence(self.conditioning, self.truth.shape[1])

    def score(self, method: str, forecast: np.ndarray) -> None:
        """Add a forecast to the scores."""
        self.forecasts[method] = forecast
        self.suite.update(method, forecast, self.truth)


class Task:
    """Sequences of frames: persistence beside the model, all scores by lead time."""

    baselines = (PERSISTENCE,)

    def __init__(
        self,
        sequences: Sequences,
        settings: RunSettings,
        spec: Any,
        methods: tuple[str, ...],
    ) -> None:
        window = spec.window(settings.model)
        self.sequences, self.options, self.context = sequences, settings.evaluation, window.context
        minutes = [
            sequences.interval_minutes * (k + 1) for k in range(window.length - window.context)
        ]
        self.suite = NowcastSuite(
            (*self.baselines, *methods),
            sequences.thresholds,
            sequences.value_scale,
            self.options.pools,
            minutes,
            sequences.unit,
        )
        self.methods = methods
        self.cases: list[tuple[str, Case]] = []

    def case(self, number: int, sequence: np.ndarray) -> SequenceCase:
        """Sample `number`, its sequence (1, T, H, W, C) cut into context and truth."""
        return SequenceCase(
            number, sequence[:, : self.context], sequence[:, self.context :], self.suite
        )

    def keep(self, scored: SequenceCase) -> None:
        """Remember a case for the figures."""
        label, times = self.sequences.label(scored.number), self.sequences.times(scored.number)
        scale, unit = self.sequences.value_scale, self.sequences.unit
        context, truth = scored.conditioning[0], scored.truth[0]
        for method in self.methods:
            members = scored.forecasts[method][0]
            case = Case(method, context, truth, members, times, scale, unit)
            self.cases.append((label, case))

    def write(self, folder: Path, provenance: Mapping[str, Any]) -> str:
        """The report's files; gives the table to print."""
        result = self.suite.result()
        write_report(folder, result, provenance)
        return table_text(result)

    def draw(self, folder: Path) -> Iterator[Path]:
        """A panel and an animation of every case kept, curves of all methods by lead time."""
        from mindcast.visualization.animation import forecast_animation
        from mindcast.visualization.curves import csi_curves, error_curves
        from mindcast.visualization.panels import forecast_panel

        result = self.suite.result()
        for label, case in self.cases:
            panel = folder / f"{case.method}_{label}.png"
            forecast_panel(panel, case, self._panel_threshold(), label)
            animation = panel.with_suffix(".gif")
            forecast_animation(animation, case, label)
            yield from (panel, animation)
        for pool in self.options.pools:
            curves = folder / (f"csi_pool{pool}.png" if pool > 1 else "csi.png")
            csi_curves(curves, result, pool)
            yield curves
        errors = folder / "errors.png"
        error_curves(errors, result)
        yield errors

    def _panel_threshold(self) -> float:
        """The threshold of probabilities and hits: the one asked for, else the middle one."""
        if self.options.probability_threshold is not None:
            return self.options.probability_threshold
        thresholds = self.sequences.thresholds
        return thresholds[(len(thresholds) - 1) // 2]
