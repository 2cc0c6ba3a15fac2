"""Every score of a downscaling, for several methods side by side, streaming over the test split.

Which field is scored. A method that gives one field has one row. An ensemble has two: "<method>
(mean of M)" scores the ensemble mean, its CRPS, spread and ranks the ensemble; "<method>
(member 0)" scores one sample. A mean is smooth: it wins RMSE and loses power at small scales, so
neither row alone says how good an ensemble is.

Which points count. Where the target has a weight, points below ground are left out of all scores
but "fine_power" and the spectra, which need whole fields. With an area, points count by it.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from mindcast.evaluation.base import ratio
from mindcast.evaluation.downscale.base import FieldScore, LevelEntry
from mindcast.evaluation.downscale.baselines import BICUBIC
from mindcast.evaluation.downscale.consistency import BlockMeanError
from mindcast.evaluation.downscale.distribution import Quantiles
from mindcast.evaluation.downscale.ensemble import EnsembleErrors, RankHistogram
from mindcast.evaluation.downscale.errors import GradientError, PointErrors, RelativeError
from mindcast.evaluation.downscale.spectrum import PowerSpectra
from mindcast.evaluation.downscale.target import Target, as_field
from mindcast.evaluation.downscale.vertical import LevelCorrelation, StaticStability, ThicknessError
from mindcast.physics.vertical import layer_depths


class DownscaleSuite:
    """All scores of `methods` on the same cases.

    levels_hpa: of the Z levels, from the bottom upwards. reference: the method that "skill" = 1 -
    RMSE / RMSE(reference) is taken against; NaN if it is not among the rows. seed: of the draws
    that break ties in rank histograms. ValueError unless two or more levels fall upwards.
    """

    def __init__(
        self,
        methods: Sequence[str],
        levels_hpa: Sequence[float],
        reference: str = BICUBIC,
        seed: int = 0,
    ) -> None:
        self.levels_hpa = np.array(levels_hpa, np.float64)
        self.pressure = 100 * self.levels_hpa
        layer_depths(self.pressure)  # refuses levels in another order
        self.reference, self.seed = reference, seed
        self.rows: dict[str, list[_Row]] = {method: [] for method in methods}

    def update(self, method: str, forecast: np.ndarray, target: Target) -> None:
        """Add cases of one method: (N, M, Z, H, W, 1) or (N, Z, H, W, 1), in K.

        ValueError for an unknown method, other shapes or another number of members than before.
        """
        if method not in self.rows:
            raise ValueError(f"got method {method!r}, expected one of {', '.join(self.rows)}")
        ensemble = forecast[:, None] if forecast.ndim == 5 else forecast
        self._check(ensemble, target)
        members = ensemble.shape[1]
        rows = self.rows[method] = self.rows[method] or self._new_rows(method, members)
        if rows[0].members != members:
            raise ValueError(f"{method}: got {members} members, before {rows[0].members}")
        ensemble = as_field(ensemble)
        rows[0].update(ensemble.mean(axis=1), ensemble, target)
        for row in rows[1:]:
            row.update(ensemble[:, 0], ensemble[:, :1], target)

    def result(self) -> dict[str, Any]:
        """JSON-able but for NaN where a score is undefined.

        {"levels_hpa": [Z], "reference", "axes": {"level": [...], "layer": [...]} naming the values
        of an entry, "rows": {row name: {"method", "field", "members", "cases", "scores": {name:
        {"score", "unit", "axis", "overall", "values"}}, "spectrum": see `PowerSpectra.curves`,
        "ranks": Z lists of M + 1 shares or None for one member}}}. Methods without any case are
        absent.
        """
        rows = {row.name: row.result() for rows in self.rows.values() for row in rows}
        self._add_skill(rows)
        names = [f"{level:g}" for level in self.levels_hpa]
        layers = [f"{lower}-{upper}" for lower, upper in itertools.pairwise(names)]
        return {
            "levels_hpa": self.levels_hpa.tolist(),
            "reference": self.reference,
            "axes": {"level": names, "layer": layers},
            "rows": rows,
        }

    def _check(self, ensemble: np.ndarray, target: Target) -> None:
        n, levels, height, width, _ = target.truth.shape
        members = ensemble.shape[1] if ensemble.ndim == 6 else 0
        expected = (n, members, len(self.levels_hpa), height, width, 1)
        if not members or ensemble.shape != expected or levels != len(self.levels_hpa):
            raise ValueError(
                f"got forecast {ensemble.shape} and truth {target.truth.shape}, expected "
                f"(N, M, Z, H, W, 1) and (N, Z, H, W, 1) with {len(self.levels_hpa)} levels"
            )

    def _new_rows(self, method: str, members: int) -> list[_Row]:
        if members == 1:
            return [_Row(method, method, "forecast", 1, self)]
        return [
            _Row(f"{method} (mean of {members})", method, "ensemble mean", members, self),
            _Row(f"{method} (member 0)", method, "member 0", 1, self),
        ]

    def _add_skill(self, rows: dict[str, dict[str, Any]]) -> None:
        unknown = {"overall": np.nan, "values": [np.nan] * len(self.levels_hpa)}
        base = rows[self.reference]["scores"]["rmse"] if self.reference in rows else unknown
        for row in rows.values():
            own = row["scores"]["rmse"]
            overall, values = (
                1 - ratio(np.array(own[key]), np.array(base[key])) for key in ("overall", "values")
            )
            skill = LevelEntry("skill", "1", float(overall), tuple(values.tolist()))
            row["scores"]["skill"] = _as_dict(skill)


class _Row:
    """The scores of one field of one method."""

    def __init__(
        self, name: str, method: str, field: str, members: int, suite: DownscaleSuite
    ) -> None:
        self.name, self.method, self.field, self.members = name, method, field, members
        self.cases = 0
        levels = len(suite.levels_hpa)
        self.spectra = PowerSpectra(levels)
        self.of_field: list[FieldScore] = [
            PointErrors(levels),
            RelativeError(levels),
            GradientError(levels),
            StaticStability(suite.pressure),
            ThicknessError(suite.pressure),
            LevelCorrelation(levels),
            BlockMeanError(levels),
            Quantiles(levels),
            self.spectra,
        ]
        self.of_ensemble = EnsembleErrors(levels)
        self.ranks = RankHistogram(levels, members, suite.seed) if members > 1 else None

    def update(self, field: np.ndarray, ensemble: np.ndarray, target: Target) -> None:
        self.cases += len(field)
        for score in self.of_field:
            score.update(field, target)
        self.of_ensemble.update(ensemble, target)
        if self.ranks is not None:
            self.ranks.update(ensemble, target)

    def result(self) -> dict[str, Any]:
        entries = [entry for score in self.of_field for entry in score.result()]
        entries += self.of_ensemble.result()
        return {
            "method": self.method,
            "field": self.field,
            "members": self.members,
            "cases": self.cases,
            "scores": {entry.score: _as_dict(entry) for entry in entries},
            "spectrum": self.spectra.curves(),
            "ranks": None if self.ranks is None else self.ranks.result().tolist(),
        }


def _as_dict(entry: LevelEntry) -> dict[str, Any]:
    return {**vars(entry), "values": list(entry.values)}
