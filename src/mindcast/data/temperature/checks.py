"""Values that cannot be are refused, those below the ground are found and filled.

Fields are (Z, H, W), levels from the bottom upwards; `path` names the file in a refusal.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mindcast.data.temperature.names import QUANTITIES
from mindcast.refusal import Refusal

LOWEST_PA, HIGHEST_PA = QUANTITIES["surface_pressure"].bounds
# heights of pressure levels: of a mean atmosphere, and how far the coldest and warmest are from it
SCALE_HEIGHT_M, TOLERANCE_M = 7400.0, 1200.0


def below_ground(
    path: Path, temperature: np.ndarray, surface_pressure: np.ndarray | None, pressure: np.ndarray
) -> np.ndarray:
    """Where a level lies below the ground, (Z, H, W) bool.

    By surface pressure (H, W, in Pa); without it, where values are missing from the bottom upwards.
    """
    if surface_pressure is None:
        return np.logical_and.accumulate(np.isnan(temperature), axis=0)
    lowest, highest = np.min(surface_pressure), np.max(surface_pressure)
    if not (lowest >= LOWEST_PA and highest <= HIGHEST_PA):  # also NaN
        raise Refusal(
            f"{path}: surface pressure from {lowest:g} to {highest:g} Pa, expected "
            f"{LOWEST_PA:g} to {HIGHEST_PA:g}; fix its values or its attribute units"
        )
    return pressure[:, np.newaxis, np.newaxis] > surface_pressure


def filled(
    path: Path, name: str, field: np.ndarray, below: np.ndarray, levels_hpa: Sequence[float]
) -> np.ndarray:
    """The field, with values missing below the ground taken from the nearest level above.

    Refusal for a value that is missing anywhere else.
    """
    missing = ~np.isfinite(field)
    wrong = missing & ~below
    wrong[-1] |= missing[-1]  # nothing above to fill from
    if wrong.any():
        level = levels_hpa[int(np.argwhere(wrong)[0][0])]
        raise Refusal(
            f"{path}: {name} at {level:g} hPa holds NaN or infinity above the ground "
            "(as values outside valid_range count); fix the data or leave the time out"
        )
    whole = field.copy()
    for level in range(len(field) - 2, -1, -1):
        whole[level] = np.where(missing[level], whole[level + 1], whole[level])
    return whole


def check_values(
    path: Path,
    name: str,
    quantity: str,
    values: np.ndarray,
    levels_hpa: Sequence[float] | None = None,
) -> None:
    """Refusal for values that nothing on earth has: of a wrong unit, or standing for missing ones.

    values: of the variable `name`, in our unit, on the levels if there are any. Those that are
    missing pass, `filled` is for them.
    """
    wanted = QUANTITIES[quantity]
    known = ~np.isnan(values) if levels_hpa is None else np.isfinite(values)
    if not known.any():
        return
    lowest, highest = values[known].min(), values[known].max()
    least, most = wanted.bounds
    where = ""
    if quantity == "height" and levels_hpa is not None:
        lowest, highest, least, most, level = _farthest_height(values, known, levels_hpa)
        where = f" at {level:g} hPa"
    unit = "" if wanted.unit == "1" else f" {wanted.unit}"
    if lowest < least or highest > most:
        raise Refusal(
            f"{path}: {name}{where} from {lowest:g} to {highest:g}{unit}, expected "
            f"{least:g} to {most:g}; fix its values or its attribute units, or give its fill "
            "value in the attribute _FillValue"
        )


def _farthest_height(
    values: np.ndarray, known: np.ndarray, levels_hpa: Sequence[float]
) -> tuple[float, float, float, float, float]:
    """Heights of the first level that lies far from the standard atmosphere, and their bounds."""
    for level, heights, there in zip(levels_hpa, values, known, strict=True):
        standard = -SCALE_HEIGHT_M * np.log(level / 1013.25)
        least, most = (standard + sign * (TOLERANCE_M + abs(standard) / 4) for sign in (-1, 1))
        if there.any():
            lowest, highest = heights[there].min(), heights[there].max()
            if lowest < least or highest > most:
                break
    return float(lowest), float(highest), float(least), float(most), level
