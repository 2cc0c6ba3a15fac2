"""Rain rates, reflectivities and codes of VIL as the physical values that a model takes."""

from __future__ import annotations

import numpy as np

from mindcast.config.incoming import Conversion
from mindcast.physics.reflectivity import (
    VIL_OFFSET,
    VIL_PER_DBZ,
    PowerLaw,
    code_of_dbz,
    dbz_of_code,
)
from mindcast.refusal import Refusal

# no radar reports values beyond these: another unit was meant
BOUNDS = {"dBZ": (-100.0, 100.0), "mm/h": (0.0, 1000.0), "VIL": (0.0, 255.0)}
ROUNDING = 1e-4
MOST_FLAGS = 3
VIL_RELATION = f"VIL-like codes = {VIL_OFFSET:.4f} + {VIL_PER_DBZ:.5f} dBZ"


def without_flags(values: np.ndarray, unit: str) -> tuple[np.ndarray, tuple[str, ...]]:
    """The values, NaN where they are flags, and that in words.

    Flags are a few distinct values below all that the unit can have, such as -9999, or -1 of rain.
    """
    least = BOUNDS[unit][0]
    below = values < least - ROUNDING
    flags = np.unique(values[below])
    if not 0 < len(flags) <= MOST_FLAGS or not np.isfinite(flags).all():
        return values, ()
    return np.where(below, np.nan, values), (f"{unit} below {least:g} is taken for missing",)


def check_values(values: np.ndarray, unit: str, where: str) -> np.ndarray:
    """The values, a rounding below the least cut off; Refusal for what cannot be of the unit.

    NaN is missing. Infinity is refused.
    """
    least, most = BOUNDS[unit]
    high = float(np.nanmax(values, initial=least))
    low = float(np.nanmin(values, initial=most))
    if low < least - ROUNDING or high > most + ROUNDING:
        raise Refusal(
            f"{where}: holds values from {low:g} to {high:g}, which are no {unit} "
            f"({least:g} to {most:g}); fix the file or the setting that says what they are"
        )
    return np.maximum(values, least)


def rain_rate(values: np.ndarray, unit: str, how: Conversion) -> np.ndarray:
    """mm/h, float64, of values of any unit; NaN stays."""
    if unit == "mm/h":
        return values.astype(np.float64)
    return power_law(how).rain(dbz_of_code(values) if unit == "VIL" else values)


def physical(values: np.ndarray, unit: str, wanted: str, how: Conversion) -> np.ndarray:
    """dBZ or codes as `wanted`, float64, of values of any unit; NaN stays.

    Less than `lower_dbz`, or than 0 dBZ, is 0, unless the values are codes already.
    """
    if unit == wanted == "VIL":
        return values.astype(np.float64)
    if unit == "mm/h":
        dbz = power_law(how).dbz(values)
    else:
        dbz = dbz_of_code(values) if unit == "VIL" else values.astype(np.float64)
    no_rain = dbz < (0.0 if how.lower_dbz is None else how.lower_dbz)
    return np.where(no_rain, 0.0, code_of_dbz(dbz) if wanted == "VIL" else dbz)


def relation(unit: str, wanted: str, resampled: bool, how: Conversion) -> tuple[str, ...]:
    """How values of one unit became those of another, in words."""
    parts = []
    if unit == "mm/h" or resampled:
        parts.append(f"{power_law(how)} between rain in mm/h and reflectivity")
    if (unit == "VIL") != (wanted == "VIL") or (unit == "VIL" and resampled):
        parts.append(VIL_RELATION)
    if how.lower_dbz is not None and (not unit == wanted == "VIL" or resampled):
        parts.append(f"below {how.lower_dbz:g} dBZ is 0")
    return ("; ".join(parts),) if parts else ()


def power_law(how: Conversion) -> PowerLaw:
    """The relation of rain and reflectivity that the settings give."""
    return PowerLaw(how.zr.a, how.zr.b)
