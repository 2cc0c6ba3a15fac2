"""Every score of a downscaling; see `evaluation.suite` for which field is scored.

Which points count. Where the target has a weight, points below ground are left out of all scores
but "fine_power" and the spectra, which need whole fields. With an area, points count by it.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any

import numpy as np

from mindcast.evaluation.base import Score
from mindcast.evaluation.downscale.base import LevelEntry
from mindcast.evaluation.downscale.baselines import BICUBIC
from mindcast.evaluation.downscale.consistency import BlockMeanError
from mindcast.evaluation.downscale.distribution import Quantiles
from mindcast.evaluation.downscale.ensemble import EnsembleErrors, RankHistogram
from mindcast.evaluation.downscale.errors import GradientError, PointErrors, RelativeError
from mindcast.evaluation.downscale.spectrum import PowerSpectra
from mindcast.evaluation.downscale.target import Target, as_field
from mindcast.evaluation.downscale.vertical import LevelCorrelation, StaticStability, ThicknessError
from mindcast.evaluation.means import ratio
from mindcast.evaluation.suite import MEAN, ONLY, Row, Suite, as_dict
from mindcast.physics.vertical import layer_depths


class DownscaleSuite(Suite[Target]):
    """All scores of `methods` against a `Target`.

    Forecasts (N, Z, H, W, 1) or (N, M, Z, H, W, 1), in K. levels_hpa: of the Z levels, from the
    bottom upwards. reference: the method that "skill" = 1 - RMSE / RMSE(reference) is taken
    against; NaN if it is not among the rows. ValueError unless two or more levels fall upwards.
    """

    def __init__(
        self, methods: Sequence[str], levels_hpa: Sequence[float], reference: str = BICUBIC
    ) -> None:
        super().__init__(methods)
        self.levels_hpa = np.array(levels_hpa, np.float64)
        self.pressure = 100 * self.levels_hpa
        layer_depths(self.pressure)  # refuses levels in another order
        self.reference = reference

    def check(self, ensemble: np.ndarray, against: Target) -> None:
        """ValueError for other shapes or levels."""
        n, levels, height, width, _ = against.truth.shape
        members = ensemble.shape[1] if ensemble.ndim == 6 else 0
        expected = (n, members, len(self.levels_hpa), height, width, 1)
        if not members or ensemble.shape != expected or levels != len(self.levels_hpa):
            raise ValueError(
                f"got forecast {ensemble.shape} and truth {against.truth.shape}, expected "
                f"(N, M, Z, H, W, 1) and (N, Z, H, W, 1) with {len(self.levels_hpa)} levels"
            )

    def as_scored(self, ensemble: np.ndarray) -> np.ndarray:
        """(N, M, Z, H, W), float64."""
        return as_field(ensemble)

    def new_row(self, name: str, method: str, field: str, members: int) -> Row[Target]:
        """Errors, columns, quantiles, spectra; CRPS, spread and ranks."""
        levels, spectra = len(self.levels_hpa), PowerSpectra(len(self.levels_hpa))
        of_field: list[Score[Target]] = [
            PointErrors(levels),
            RelativeError(levels),
            GradientError(levels),
            StaticStability(self.pressure),
            ThicknessError(self.pressure),
            LevelCorrelation(levels),
            BlockMeanError(levels),
            Quantiles(levels),
            spectra,
        ]
        is_ensemble = field in (MEAN, ONLY)
        ranks = RankHistogram(levels, members) if is_ensemble else None
        of_ensemble: list[Score[Target]] = [EnsembleErrors(levels)]
        return _FieldRow(
            name, method, field, members, of_field, of_ensemble, spectra=spectra, ranks=ranks
        )

    def result(self) -> dict[str, Any]:
        """JSON-able but for NaN where a score is undefined.

        {"levels_hpa": [Z], "reference", "axes": {"level": [...], "layer": [...]} naming the values
        of an entry, "rows": {row name: {"method", "field", "members", "cases", "scores": {name:
        {"score", "unit", "axis", "overall", "values"}}, "spectrum": see `PowerSpectra.curves`,
        "ranks": Z lists of M + 1 shares or None for a single field}}}. Methods without any case are
        absent.
        """
        rows = self.rows_by_name()
        self._add_skill(rows)
        names = [f"{level:g}" for level in self.levels_hpa]
        layers = [f"{lower}-{upper}" for lower, upper in itertools.pairwise(names)]
        return {
            "levels_hpa": self.levels_hpa.tolist(),
            "reference": self.reference,
            "axes": {"level": names, "layer": layers},
            "rows": rows,
        }

    def _add_skill(self, rows: dict[str, dict[str, Any]]) -> None:
        unknown = {"overall": np.nan, "values": [np.nan] * len(self.levels_hpa)}
        base = rows[self.reference]["scores"]["rmse"] if self.reference in rows else unknown
        for row in rows.values():
            own = row["scores"]["rmse"]
            overall, values = (
                1 - ratio(np.array(own[key]), np.array(base[key])) for key in ("overall", "values")
            )
            skill = LevelEntry("skill", "1", float(overall), tuple(values.tolist()))
            row["scores"]["skill"] = as_dict(skill)


@dataclass(eq=False)
class _FieldRow(Row[Target]):
    """A row that has spectra and, of an ensemble, ranks beside its scores."""

    _: KW_ONLY
    spectra: PowerSpectra
    ranks: RankHistogram | None

    def update(self, field: np.ndarray, ensemble: np.ndarray, against: Target) -> None:
        """Add cases, (N, Z, H, W) and (N, M, Z, H, W); `spectra` is among the scores."""
        super().update(field, ensemble, against)
        if self.ranks is not None:
            self.ranks.update(ensemble, against)

    def result(self) -> dict[str, Any]:
        """That of a row, and "spectrum" and "ranks"."""
        return {
            **super().result(),
            "spectrum": self.spectra.curves(),
            "ranks": None if self.ranks is None else self.ranks.result().tolist(),
        }
