"""One method of a case as pictures show it: physical values and times."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mindcast.cases import NowcastCase
from mindcast.evaluation.nowcast.probability_matched import probability_matched_mean


@dataclass(frozen=True, eq=False)
class View:
    """Fields of physical values; the unit of the case is a key of `colours.VALUE_SCALES`.

    beside: further forecasts of the case to show, each a single field.
    """

    case: NowcastCase
    method: str
    beside: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """Method and case."""
        return f"{self.method}, {self.case.label}"

    @property
    def context(self) -> np.ndarray:
        """(Tc, H, W)."""
        return self._physical(self.case.context)

    @property
    def truth(self) -> np.ndarray:
        """(T, H, W)."""
        return self._physical(self.case.truth)

    @property
    def members(self) -> np.ndarray:
        """(M, T, H, W)."""
        return self._physical(self.case.members(self.method))

    def forecast(self, method: str) -> np.ndarray:
        """(T, H, W), of a method without members."""
        return self._physical(self.case.forecasts[method])

    @property
    def matched(self) -> np.ndarray:
        """(T, H, W), the probability-matched mean of the members."""
        return self._physical(probability_matched_mean(self.case.members(self.method)[None])[0])

    @property
    def first(self) -> str:
        """What the first of the members is called: a forecast that has no others is no member."""
        return "member 0" if self.case.is_ensemble(self.method) else "forecast"

    @property
    def start(self) -> np.datetime64:
        """Time of the last frame of the context."""
        return self.case.times[len(self.case.context) - 1]

    @property
    def minutes(self) -> np.ndarray:
        """Minutes from `start` of all Tc + T frames; negative and 0 in the context."""
        return (self.case.times - self.start) // np.timedelta64(1, "m")

    def _physical(self, frames: np.ndarray) -> np.ndarray:
        return frames[..., 0] * np.float32(self.case.value_scale)
