"""Every score of several methods side by side, streaming over the test split.

Which field is scored. A method that gives one field has one row. An ensemble has one for each
single field that is made of it, and the task names these (`Suite.ensemble_fields`): "<method> (mean
of M)" scores the ensemble mean, its CRPS and spread the ensemble; "<method> (member 0)" scores one
random sample, as the released script of PreDiff does; of a nowcast, "<method> (probability-matched
mean of M)" scores the pattern of the mean with the values of the members. The CRPS of a single
field is its MAE. Means smooth: they win squared errors and lose high thresholds and small scales,
so no row alone says how good an ensemble is. No row picks the member that fits the truth best: such
a score can not be had by anyone who forecasts.

An ensemble of one is its own mean and its member 0, so it has one row, of the method's name. It
stays an ensemble: it has ranks, where there are any, and a spread that is undefined.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Generic

import numpy as np

from mindcast.evaluation.base import Against, Entry, Score
from mindcast.evaluation.memory import recall, remembered

MEMBERS, ALONE = "members", "alone"  # of a method, in what `Suite.state` gives

FORECAST, ONLY = "forecast", "only member"
MEAN, MATCHED, FIRST = "ensemble mean", "probability-matched mean", "member 0"
# what stands behind the method in the name of a row of an ensemble of several members
NAMES = {MEAN: "mean of {}", MATCHED: "probability-matched mean of {}", FIRST: "member 0"}


@dataclass(eq=False)
class Row(Generic[Against]):
    """The scores of one field of one method.

    field: FORECAST of a method without members; of an ensemble its ONLY member or a key of NAMES.
    members: of the ensemble that `of_ensemble` scores, 1 where that is the field itself. of_field:
    scores of the field.
    """

    name: str
    method: str
    field: str
    members: int
    of_field: Sequence[Score[Against]]
    of_ensemble: Sequence[Score[Against]]
    cases: int = 0

    def update(self, field: np.ndarray, ensemble: np.ndarray, against: Against) -> None:
        """Add cases, (N, ...) and (N, M, ...)."""
        self.cases += len(field)
        for score in self.of_field:
            score.update(field, against)
        for score in self.of_ensemble:
            score.update(ensemble, against)

    def result(self) -> dict[str, Any]:
        """{"method", "field", "members", "cases", "scores": {entry name: its fields}}."""
        scores = (*self.of_field, *self.of_ensemble)
        return {
            "method": self.method,
            "field": self.field,
            "members": self.members,
            "cases": self.cases,
            "scores": {entry.name: as_dict(entry) for s in scores for entry in s.result()},
        }


class Suite(ABC, Generic[Against]):
    """All scores of `methods` on the same cases; what is scored is up to the task.

    ensemble_fields: those of an ensemble of several members that have a row, keys of NAMES; the row
    of MEAN, always the first, also has the scores of the ensemble.
    """

    ensemble_fields: ClassVar[tuple[str, ...]] = (MEAN, FIRST)

    def __init__(self, methods: Sequence[str]) -> None:
        self.rows: dict[str, Sequence[Row[Against]]] = {method: () for method in methods}

    def update(self, method: str, forecast: np.ndarray, against: Against) -> None:
        """Add cases of one method: fields (N, ...) of five axes, or ensembles (N, M, ...).

        ValueError for an unknown method, other shapes or another number of members than before.
        """
        if method not in self.rows:
            raise ValueError(f"got method {method!r}, expected one of {', '.join(self.rows)}")
        alone = forecast.ndim == 5
        ensemble = forecast[:, None] if alone else forecast
        self.check(ensemble, against)
        members = ensemble.shape[1]
        rows = self.rows[method] = self.rows[method] or self._new_rows(method, members, alone)
        if rows[0].members != members:
            raise ValueError(f"{method}: got {members} members, before {rows[0].members}")
        if (rows[0].field == FORECAST) != alone:
            raise ValueError(f"{method}: got single fields and ensembles of one, expected one kind")
        ensemble = self.as_scored(ensemble)
        for row in rows:
            field = self.field(row.field, ensemble)
            row.update(field, ensemble if row.members > 1 else field[:, np.newaxis], against)

    @abstractmethod
    def check(self, ensemble: np.ndarray, against: Against) -> None:
        """ValueError for shapes that the scores are not defined on."""

    def as_scored(self, ensemble: np.ndarray) -> np.ndarray:
        """The ensemble as the scores take it."""
        return ensemble

    def field(self, name: str, ensemble: np.ndarray) -> np.ndarray:
        """The field (N, ...) of a row, by the name of the field, of an ensemble `as_scored`."""
        if name != MEAN:
            return ensemble[:, 0]
        # float64: the mean of equal float32 codes must not fall below the threshold they reach
        return ensemble.mean(axis=1, dtype=np.float64).astype(ensemble.dtype)

    @abstractmethod
    def new_row(self, name: str, method: str, field: str, members: int) -> Row[Against]:
        """A row with all its scores, which begins empty."""

    def rows_by_name(self) -> dict[str, dict[str, Any]]:
        """What every row holds, see `Row.result`; methods without any case are absent."""
        return {row.name: row.result() for rows in self.rows.values() for row in rows}

    def state(self) -> dict[str, np.ndarray]:
        """Everything that was added up so far, for a test that goes on another time."""
        arrays: dict[str, np.ndarray] = {}
        for method, rows in self.rows.items():
            if rows:
                arrays[f"{method}/{MEMBERS}"] = np.array(rows[0].members)
                arrays[f"{method}/{ALONE}"] = np.array(rows[0].field == FORECAST)
                arrays |= remembered(rows, method)
        return arrays

    def restore(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Go on from what `state` gave. KeyError, ValueError for that of another suite."""
        known = {method for method in self.rows if f"{method}/{MEMBERS}" in arrays}
        if known and known != self.rows.keys():  # its rows would have fewer cases than the others
            raise KeyError(f"no scores of {', '.join(self.rows.keys() - known)}")
        for method in self.rows:
            members = arrays.get(f"{method}/{MEMBERS}")
            if members is not None:
                alone = bool(arrays[f"{method}/{ALONE}"])
                self.rows[method] = self._new_rows(method, int(members), alone)
                recall(self.rows[method], arrays, method)

    def _new_rows(self, method: str, members: int, alone: bool) -> list[Row[Against]]:
        if members == 1:
            return [self.new_row(method, method, FORECAST if alone else ONLY, 1)]
        rows = []
        for field in self.ensemble_fields:
            name = f"{method} ({NAMES[field].format(members)})"
            rows.append(self.new_row(name, method, field, members if field == MEAN else 1))
        return rows


def as_dict(entry: Entry) -> dict[str, Any]:
    """The fields of an entry, tuples as lists."""
    fields = vars(entry).items()
    return {key: list(value) if isinstance(value, tuple) else value for key, value in fields}
