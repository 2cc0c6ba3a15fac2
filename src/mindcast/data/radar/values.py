"""What stored numbers mean, and whether they can mean it: one check for all that reads radar.

On all that is read: finite, and within the scale. That cannot tell values of a smaller scale, so a
few of every file are looked at when a split is opened:

    codes 0..255   at most 80 everywhere: dBZ, or divided by a deviation; at most 1: already divided
    physical dBZ   above the value scale: codes 0..255; at most 1: already divided
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mindcast.data.radar.scaling import CODE_MAX
from mindcast.refusal import Refusal

DBZ_MAX = 80.0  # no radar reports more
SAMPLED = 8  # sequences or events of a file whose values are looked at
ROUNDING = 1e-4  # of the scale: what arithmetic in float32 leaves beyond an end


@dataclass(frozen=True)
class StoredScale:
    """The scale of stored values: 0 to `maximum`, which is a scaled value of 1.

    physical: stored are physical values, in `unit`; else codes that stand for them.
    """

    maximum: float = CODE_MAX
    physical: bool = False
    unit: str = "VIL"

    @property
    def expected(self) -> str:
        """What is stored, in words."""
        if self.physical:
            return f"{self.unit} in 0..{self.maximum:g} (data.value_scale)"
        return f"codes 0..{self.maximum:g}"

    def checked(
        self, values: np.ndarray, where: str, way_out: str, clip: bool = False, beyond: str = ""
    ) -> np.ndarray:
        """The values, all in 0..maximum: as they are, but that rounding beyond an end is cut off.

        clip: cut off whatever lies beyond. Refusal for what is beyond otherwise, and for NaN and
        infinity; it begins with `where` and ends with `way_out`, or with `beyond` for the former.
        """
        if not np.isfinite(values).all():
            raise Refusal(f"{where} holds NaN or infinity; {way_out}")
        low, high = float(values.min()), float(values.max())
        if low >= 0 and high <= self.maximum:
            return values
        slack = ROUNDING * self.maximum
        if not clip and (low < -slack or high > self.maximum + slack):
            remedy = beyond or way_out
            if self.physical and low >= 0 and high <= CODE_MAX:
                codes = "if these are codes 0..255, data.name is another"
                remedy = f"{codes}; else raise data.value_scale"
            raise Refusal(
                f"{where} holds values from {low:g} to {high:g}, expected {self.expected}; {remedy}"
            )
        return np.clip(values, 0, self.maximum)


def check_scale(
    scale: StoredScale, largest: Mapping[Path, Iterable[float]], things: str, way_out: str
) -> None:
    """Refusal if the largest values in a few `things` of each file look like another scale.

    They are asked for until one shows the scale. Files that are 0 everywhere show none and pass;
    dBZ are told by all files together, since a file of few things may be of little rain.
    """
    highest, words, kind = 0.0, "", "dBZ or normalised values"
    for path, values in largest.items():
        looked_at, high = 0, 0.0
        for value in values:
            looked_at, high = looked_at + 1, max(high, round(value, 4))
            if high > DBZ_MAX:
                break
        is_divided = 0 < high <= 1
        if is_divided or high > highest:
            highest = high
            words = f"{path}: the largest value in {looked_at} {things} is {high:g}"
        if is_divided:
            kind = "values already divided into 0..1"
            break
    if 0 < highest <= (1 if scale.physical else DBZ_MAX):
        raise Refusal(
            f"{words}, which looks like {kind}, expected {scale.expected}; {way_out}, or set "
            "data.check_values=false if it is right"
        )
