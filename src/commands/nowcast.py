"""How `--mode test` scores and draws the task "nowcast"; see `test.Task`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from src.config.schema import RunSettings
from src.data.base import Sequences
from src.evaluation.baselines import persistence
from src.evaluation.report import table_text, write_report
from src.evaluation.suite import NowcastSuite
from src.models.base import ModelSpec
from src.visualization.case import Case

PERSISTENCE = "persistence"


class Task:
    """Sequences of frames: persistence beside the model, all scores by lead time."""

    baselines = (PERSISTENCE,)

    def __init__(
        self,
        sequences: Sequences,
        settings: RunSettings,
        spec: ModelSpec,
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
        self.cases: list[tuple[str, Case]] = []

    def parts(self, sequence: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Context and truth out of (1, T, H, W, C)."""
        return sequence[:, : self.context], sequence[:, self.context :]

    def baseline(self, name: str, context: np.ndarray, truth: np.ndarray) -> np.ndarray:
        """The only one there is: the last frame, kept."""
        return persistence(context, truth.shape[1])

    def score(
        self, method: str, forecast: np.ndarray, context: np.ndarray, truth: np.ndarray
    ) -> None:
        """Add one case to the scores."""
        self.suite.update(method, forecast, truth)

    def keep(
        self, number: int, method: str, forecast: np.ndarray, context: np.ndarray, truth: np.ndarray
    ) -> None:
        """Remember a case for the figures."""
        times, scale = self.sequences.times(number), self.sequences.value_scale
        unit = self.sequences.unit
        case = Case(method, context[0], truth[0], forecast[0], times, scale, unit)
        self.cases.append((self.sequences.label(number), case))

    def write(self, folder: Path, provenance: Mapping[str, Any]) -> str:
        """The report's files; gives the table to print."""
        result = self.suite.result()
        write_report(folder, result, provenance)
        return table_text(result)

    def draw(self, folder: Path) -> Iterator[Path]:
        """A panel and an animation of every case kept, curves of all methods by lead time."""
        from src.visualization.animation import forecast_animation
        from src.visualization.curves import csi_curves, error_curves
        from src.visualization.panels import forecast_panel

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
