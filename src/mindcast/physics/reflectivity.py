"""Radar reflectivity, rain rate and codes of vertically integrated liquid, from one to the other.

    Z = a R^b, dBZ = 10 log10 Z        R in mm/h; a 200, b 1.6: Marshall and Palmer (1948)
    code = 83.9 + 38.9 ln(VIL)         SEVIR's code of VIL, kg/m2 (Veillette et al. 2020)
    VIL = 3.44e-6 Z^(4/7) x 10 000 m   of rain of one reflectivity (Greene and Clark 1972)

The last two make a code that is linear in dBZ. It is like SEVIR's, and not VIL that was measured.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

CODE_OF_VIL, VIL_OF_Z, DEPTH_M = (83.9, 38.9), (3.44e-6, 4 / 7), 10_000
HIGHEST_CODE = 254.0  # 255 is missing in SEVIR
VIL_OFFSET = CODE_OF_VIL[0] + CODE_OF_VIL[1] * float(np.log(VIL_OF_Z[0] * DEPTH_M))
VIL_PER_DBZ = CODE_OF_VIL[1] * VIL_OF_Z[1] * float(np.log(10) / 10)


@dataclass(frozen=True)
class PowerLaw:
    """Z = a R^b."""

    a: float = 200.0
    b: float = 1.6

    def dbz(self, rain: np.ndarray) -> np.ndarray:
        """Of a rain rate in mm/h, float64; -inf without rain."""
        with np.errstate(divide="ignore"):
            return 10 * np.log10(self.a) + 10 * self.b * np.log10(rain.astype(np.float64))

    def rain(self, dbz: np.ndarray) -> np.ndarray:
        """mm/h, float64; 0 of -inf."""
        return np.power(10.0, (dbz.astype(np.float64) / 10 - np.log10(self.a)) / self.b)

    def __str__(self) -> str:
        return f"Z = {self.a:g} R^{self.b:g}"


def code_of_dbz(dbz: np.ndarray) -> np.ndarray:
    """Codes 0..254, whole numbers in float64; 0 of -inf."""
    return np.clip(np.rint(VIL_OFFSET + VIL_PER_DBZ * dbz), 0, HIGHEST_CODE)


def dbz_of_code(code: np.ndarray) -> np.ndarray:
    """dBZ, float64; -inf of code 0, which stands for no rain."""
    return np.where(code > 0, (code - VIL_OFFSET) / VIL_PER_DBZ, np.where(code == 0, -np.inf, code))
