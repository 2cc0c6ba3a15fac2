"""Every score of a nowcast; see `evaluation.suite` for which field is scored."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any

import numpy as np

from mindcast.evaluation.base import Score
from mindcast.evaluation.nowcast.base import check_ensemble
from mindcast.evaluation.nowcast.categorical import CategoricalScores
from mindcast.evaluation.nowcast.exceedance import ExceedanceProbabilities
from mindcast.evaluation.nowcast.frame_mean import FrameMeanScores, PaddedPoolScores
from mindcast.evaluation.nowcast.neighbourhood import SCALES, FractionsSkill
from mindcast.evaluation.nowcast.pixel import (
    FrameErrors,
    MeanAbsoluteError,
    MeanSquaredError,
    StructuralSimilarity,
)
from mindcast.evaluation.nowcast.probabilistic import EnsembleCRPS, RankHistogram, SpreadSkill
from mindcast.evaluation.nowcast.probability_matched import probability_matched_mean
from mindcast.evaluation.nowcast.spectrum import RadialSpectra
from mindcast.evaluation.suite import FIRST, MATCHED, MEAN, ONLY, Row, Suite

INSTEAD = "instead"  # of a baseline that could not be made, in what `state` and `result` give


class NowcastSuite(Suite[np.ndarray]):
    """All scores of `methods` against the truth (N, T, H, W, C); NaN marks what is missing.

    Forecasts (N, T, H, W, C) or (N, M, T, H, W, C), all in [0, 1]. thresholds: physical values at
    which categorical scores are taken. value_scale: physical value of 1. pools: pixels on a side of
    the pooled blocks, 1 for none. lead_minutes: of the T forecast frames. unit: of the physical
    values, for the reader of the report. scales: pixels on a side of the neighbourhoods.
    """

    ensemble_fields = (MEAN, MATCHED, FIRST)

    def __init__(
        self,
        methods: Sequence[str],
        thresholds: Sequence[float],
        value_scale: float,
        pools: Sequence[int],
        lead_minutes: Sequence[int],
        unit: str = "",
        scales: Sequence[int] = SCALES,
    ) -> None:
        super().__init__(methods)
        self.thresholds, self.pools = tuple(map(float, thresholds)), tuple(pools)
        self.value_scale, self.lead_minutes = float(value_scale), tuple(lead_minutes)
        self.unit, self.scales = unit, tuple(scales)
        self.instead: dict[str, Counter[tuple[str, str]]] = {
            method: Counter() for method in methods
        }

    def note(self, method: str, instead: str, why: str) -> None:
        """A case whose forecast of a method is another, simpler one, and the reason."""
        self.instead[method][instead, why] += 1

    def check(self, ensemble: np.ndarray, against: np.ndarray) -> None:
        """ValueError for other shapes or lead times."""
        check_ensemble(ensemble, against, len(self.lead_minutes))

    def field(self, name: str, ensemble: np.ndarray) -> np.ndarray:
        """The probability-matched mean beside those of every suite."""
        if name == MATCHED:
            return probability_matched_mean(ensemble)
        return super().field(name, ensemble)

    def new_row(self, name: str, method: str, field: str, members: int) -> Row[np.ndarray]:
        """Events, pixels, frame means, spectra; CRPS, spread, probabilities, shares, ranks."""
        frames, scale, thresholds = len(self.lead_minutes), self.value_scale, self.thresholds
        spectra = RadialSpectra(frames, scale)
        of_field: list[Score[np.ndarray]] = [
            *(CategoricalScores(frames, thresholds, p, value_scale=scale) for p in self.pools),
            MeanAbsoluteError(frames, scale),
            MeanSquaredError(frames, scale),
            FrameErrors(frames, scale),
            StructuralSimilarity(frames),
            FrameMeanScores(frames, thresholds, scale),
            *(PaddedPoolScores(frames, thresholds, scale, p) for p in self.pools if p > 1),
            spectra,
        ]
        exceedance = ExceedanceProbabilities(frames, members, thresholds, scale)
        dry = min(thresholds, default=0.0) / scale
        of_ensemble: list[Score[np.ndarray]] = [
            EnsembleCRPS(frames, scale),
            EnsembleCRPS(frames, scale, fair=False),
            SpreadSkill(frames),
            exceedance,
            FractionsSkill(frames, thresholds, scale, self.scales),
        ]
        ranks = RankHistogram(frames, members, dry) if field in (MEAN, ONLY) else None
        return _LeadRow(
            name,
            method,
            field,
            members,
            of_field,
            of_ensemble,
            spectra=spectra,
            exceedance=exceedance,
            ranks=ranks,
        )

    def state(self) -> dict[str, np.ndarray]:
        """See `Suite.state`; with it, in how many cases another forecast stood in."""
        counted = {
            f"{method}/{INSTEAD}/{instead}/{why}": np.array(cases)
            for method, notes in self.instead.items()
            for (instead, why), cases in notes.items()
        }
        return super().state() | counted

    def restore(self, arrays: Mapping[str, np.ndarray]) -> None:
        """See `Suite.restore`."""
        super().restore(arrays)
        for method, notes in self.instead.items():
            start = f"{method}/{INSTEAD}/"
            for path in (path for path in arrays if path.startswith(start)):
                instead, why = path.removeprefix(start).split("/")
                notes[instead, why] = int(arrays[path])

    def result(self) -> dict[str, Any]:
        """JSON-able but for NaN where a score is undefined.

        {"lead_minutes", "thresholds", "pools", "scales", "value_scale", "unit", "instead": {method:
        {the forecast that stood in: {reason: cases}}}, "rows": {row name: {"method", "field",
        "members", "cases", "scores": {entry name: {"score", "threshold", "pool", "scale",
        "overall", "per_lead"}}, "spectrum": see `RadialSpectra.curves`, "reliability": see
        `ExceedanceProbabilities.diagram`, "ranks": see `RankHistogram.result`}}}; the last two are
        None for a single field, which has one probability and no rank. Entry names as in
        `LeadEntry.name`. Methods without any case, and in "instead" those that could always be
        made, are absent.
        """
        instead: dict[str, dict[str, dict[str, int]]] = {}
        for method, notes in self.instead.items():
            for (stood_in, why), cases in sorted(notes.items()):
                instead.setdefault(method, {}).setdefault(stood_in, {})[why] = cases
        return {
            "lead_minutes": list(self.lead_minutes),
            "thresholds": list(self.thresholds),
            "pools": list(self.pools),
            "scales": list(self.scales),
            "value_scale": self.value_scale,
            "unit": self.unit,
            INSTEAD: instead,
            "rows": self.rows_by_name(),
        }


@dataclass(eq=False)
class _LeadRow(Row[np.ndarray]):
    """A row that has spectra and, of an ensemble, its probabilities and ranks beside its scores."""

    _: KW_ONLY
    spectra: RadialSpectra
    exceedance: ExceedanceProbabilities
    ranks: RankHistogram | None

    def update(self, field: np.ndarray, ensemble: np.ndarray, against: np.ndarray) -> None:
        """Add cases, (N, ...) and (N, M, ...); all but the ranks are among the scores."""
        super().update(field, ensemble, against)
        if self.ranks is not None:
            self.ranks.update(ensemble, against)

    def result(self) -> dict[str, Any]:
        """That of a row, and "spectrum", "reliability" and "ranks"."""
        is_ensemble = self.ranks is not None
        return {
            **super().result(),
            "spectrum": self.spectra.curves(),
            "reliability": self.exceedance.diagram() if is_ensemble else None,
            "ranks": None if self.ranks is None else self.ranks.result(),
        }
