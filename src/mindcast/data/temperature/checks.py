"""Values that cannot be are refused, those below the ground are found and filled.

Fields are (Z, H, W), levels from the bottom upwards; `path` names the file in a refusal.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mindcast.refusal import Refusal

LOWEST_K, HIGHEST_K = 100.0, 400.0
LOWEST_PA, HIGHEST_PA = 30000.0, 120000.0  # of surface pressure anywhere on earth


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
            f"{path}: {name} at {level:g} hPa holds NaN or infinity above the ground; "
            "fix the data or leave the time out"
        )
    whole = field.copy()
    for level in range(len(field) - 2, -1, -1):
        whole[level] = np.where(missing[level], whole[level + 1], whole[level])
    return whole


def check_range(path: Path, name: str, temperature: np.ndarray) -> None:
    """Refusal for temperatures that no air has, which a wrong unit gives."""
    lowest, highest = temperature.min(), temperature.max()
    if lowest < LOWEST_K or highest > HIGHEST_K:
        raise Refusal(
            f"{path}: {name} from {lowest:g} to {highest:g} K, expected {LOWEST_K:g} to "
            f"{HIGHEST_K:g}; fix its values or its attribute units"
        )
