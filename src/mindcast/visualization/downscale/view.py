"""One method of a downscaled case as pictures show it: named fields, NaN below the ground."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from mindcast.cases import DownscaleCase
from mindcast.visualization import times


@dataclass(frozen=True, eq=False)
class View:
    """Temperatures in K, (Z, H, W).

    beside: other methods, of one field, by the names under which they are shown before `method`.
    """

    case: DownscaleCase
    method: str
    beside: Mapping[str, str] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """Method and case."""
        return f"{self.method}, {self.case.label}"

    @property
    def moment(self) -> str:
        """The valid time as text."""
        return times.moment(self.case.coordinates.time)

    @property
    def ground(self) -> str:
        """What grey stands for, where there is any."""
        all_above = self.case.sample.input.weight.all()
        return "" if all_above else "; grey: below the ground"

    @property
    def levels_hpa(self) -> np.ndarray:
        """(Z,), from the bottom upwards."""
        return np.array(self.case.coordinates.levels_hpa)

    @property
    def coarse_size(self) -> tuple[int, int]:
        """(h, w) of the coarse input."""
        height, width = self.case.sample.input.temperature_lr.shape[1:3]
        return height, width

    @property
    def coarse(self) -> np.ndarray:
        """The coarse input, each value repeated over its block."""
        factor, (height, width) = self.case.factor, self.case.shape[1:3]
        cells = self.case.sample.input.temperature_lr
        blocks = cells.repeat(factor, axis=1).repeat(factor, axis=2)
        return self._shown(blocks[:, :height, :width])

    @property
    def truth(self) -> dict[str, np.ndarray]:
        """The fine temperature by the name under which it is shown, where it is known."""
        known = self.case.sample.truth
        return {} if known is None else {"truth": self._shown(known)}

    @property
    def reference(self) -> tuple[str, np.ndarray]:
        """What the estimates are held against, with its name: the truth, else the coarse input."""
        return next(iter(self.truth.items()), ("coarse input", self.coarse))

    @property
    def departure(self) -> str:
        """What an estimate less the reference is."""
        return "error" if self.truth else "difference"

    @property
    def estimates(self) -> dict[str, np.ndarray]:
        """What can be held against the reference, by the name under which it is shown."""
        found = {name: self.case.members(method)[0] for name, method in self.beside.items()}
        members = self.case.members(self.method)
        first = "member 0" if self.case.is_ensemble(self.method) else "forecast"
        found[first] = members[0]
        if len(members) > 1:
            found[f"mean of {len(members)}"] = members.mean(axis=0, dtype=np.float64)
        return {name: self._shown(values) for name, values in found.items()}

    @property
    def spread(self) -> np.ndarray | None:
        """Standard deviation of the members; None for a single one."""
        members = self.case.members(self.method)
        if len(members) == 1:
            return None
        return self._shown(members.std(axis=0, ddof=1, dtype=np.float64))

    @property
    def origin(self) -> Literal["upper", "lower"]:
        """Where row 0 is drawn, as `imshow` takes it: "lower" if latitude rises along the rows."""
        latitude = self.case.coordinates.latitude
        return "lower" if np.mean(latitude[0]) < np.mean(latitude[-1]) else "upper"

    def _shown(self, values: np.ndarray) -> np.ndarray:
        return np.where(self.case.sample.input.weight > 0, values, np.nan)[..., 0]


def root_mean_square(values: np.ndarray) -> float:
    """Over all that is not NaN; NaN if nothing is left."""
    kept = values[~np.isnan(values)].astype(np.float64)
    return float(np.sqrt(np.square(kept).mean())) if kept.size else float("nan")
