"""Every score of a nowcast, for several methods side by side, streaming over the test split.

Which field is scored. A method that gives one forecast has one row. An ensemble has two:
"<method> (mean of M)" scores the ensemble mean, its CRPS and spread the ensemble; "<method>
(member 0)" scores one random sample, as the reference's released script does (its CRPS is that
of a single-valued forecast, the MAE). Means smooth: they win squared errors and lose high
thresholds, so neither row alone says how good an ensemble is. No row picks the member that fits
the truth best: such a score can not be had by anyone who forecasts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from mindcast.evaluation.base import Score, check_ensemble
from mindcast.evaluation.categorical import CategoricalScores
from mindcast.evaluation.frame_mean import FrameMeanScores, PaddedPoolScores
from mindcast.evaluation.pixel import (
    FrameErrors,
    MeanAbsoluteError,
    MeanSquaredError,
    StructuralSimilarity,
)
from mindcast.evaluation.probabilistic import EnsembleCRPS, SpreadSkill


class NowcastSuite:
    """All scores of `methods` on the same cases.

    thresholds: physical values (VIL codes) at which categorical scores are taken. value_scale:
    physical value of 1. pools: pixels on a side of the pooled blocks, 1 for none. lead_minutes:
    of the T forecast frames. unit: of the physical values, for the reader of the report.
    """

    def __init__(
        self,
        methods: Sequence[str],
        thresholds: Sequence[float],
        value_scale: float,
        pools: Sequence[int],
        lead_minutes: Sequence[int],
        unit: str = "",
    ) -> None:
        self.thresholds, self.pools = tuple(map(float, thresholds)), tuple(pools)
        self.value_scale, self.lead_minutes = float(value_scale), tuple(lead_minutes)
        self.unit = unit
        self.rows: dict[str, list[_Row]] = {method: [] for method in methods}

    def update(self, method: str, forecast: np.ndarray, truth: np.ndarray) -> None:
        """Add cases of one method: (N, M, T, H, W, C) or (N, T, H, W, C), truth (N, T, H, W, C).

        All in [0, 1]; NaN marks what is missing. ValueError for an unknown method, other shapes or
        another number of members than before.
        """
        if method not in self.rows:
            raise ValueError(f"got method {method!r}, expected one of {', '.join(self.rows)}")
        ensemble = forecast[:, None] if forecast.ndim == truth.ndim else forecast
        check_ensemble(ensemble, truth, len(self.lead_minutes))
        members = ensemble.shape[1]
        rows = self.rows[method] = self.rows[method] or self._new_rows(method, members)
        if rows[0].members != members:
            raise ValueError(f"{method}: got {members} members, before {rows[0].members}")
        # float64: the mean of equal float32 codes must not fall below the threshold they reach
        mean = ensemble.mean(axis=1, dtype=np.float64).astype(np.float32)
        rows[0].update(mean, ensemble, truth)
        for row in rows[1:]:
            row.update(ensemble[:, 0], ensemble[:, :1], truth)

    def result(self) -> dict[str, Any]:
        """JSON-able but for NaN where a score is undefined.

        {"lead_minutes", "thresholds", "pools", "value_scale", "unit", "rows": {row name: {"method",
        "field", "members", "cases", "scores": {entry name: {"score", "threshold", "pool",
        "overall", "per_lead"}}}}}; entry names as in `base.Entry.name`. Methods without any case
        are absent.
        """
        return {
            "lead_minutes": list(self.lead_minutes),
            "thresholds": list(self.thresholds),
            "pools": list(self.pools),
            "value_scale": self.value_scale,
            "unit": self.unit,
            "rows": {row.name: row.result() for rows in self.rows.values() for row in rows},
        }

    def _new_rows(self, method: str, members: int) -> list[_Row]:
        if members == 1:
            return [_Row(method, method, "forecast", 1, self)]
        return [
            _Row(f"{method} (mean of {members})", method, "ensemble mean", members, self),
            _Row(f"{method} (member 0)", method, "member 0", 1, self),
        ]


class _Row:
    """The scores of one field of one method."""

    def __init__(
        self, name: str, method: str, field: str, members: int, suite: NowcastSuite
    ) -> None:
        self.name, self.method, self.field, self.members = name, method, field, members
        self.cases = 0
        frames, scale = len(suite.lead_minutes), suite.value_scale
        self.value_scale = np.float32(scale)
        self.of_events: list[Score] = [
            CategoricalScores(frames, suite.thresholds, pool) for pool in suite.pools
        ]
        self.of_field: list[Score] = [
            MeanAbsoluteError(frames, scale),
            MeanSquaredError(frames, scale),
            FrameErrors(frames, scale),
            StructuralSimilarity(frames),
            FrameMeanScores(frames, suite.thresholds, scale),
            *(
                PaddedPoolScores(frames, suite.thresholds, scale, pool)
                for pool in suite.pools
                if pool > 1
            ),
        ]
        self.of_ensemble: list[Score] = [
            EnsembleCRPS(frames, scale),
            EnsembleCRPS(frames, scale, fair=False),
            SpreadSkill(frames),
        ]

    def update(self, field: np.ndarray, ensemble: np.ndarray, truth: np.ndarray) -> None:
        self.cases += len(truth)
        for score in self.of_events:
            # float32: brings code / 255 back onto every code 0..255 exactly
            score.update(field * self.value_scale, truth * self.value_scale)
        for score in self.of_field:
            score.update(field, truth)
        for score in self.of_ensemble:
            score.update(ensemble, truth)

    def result(self) -> dict[str, Any]:
        scores = (*self.of_events, *self.of_field, *self.of_ensemble)
        entries = [entry for score in scores for entry in score.result()]
        return {
            "method": self.method,
            "field": self.field,
            "members": self.members,
            "cases": self.cases,
            "scores": {
                entry.name: {**vars(entry), "per_lead": list(entry.per_lead)} for entry in entries
            },
        }
