"""From stored codes (VIL, 0..255) to what networks see, and back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Scaling:
    """An affine map: code = scaled * scale + offset."""

    scale: float
    offset: float

    def apply(self, vil_0_255: np.ndarray) -> np.ndarray:
        """Codes to float32 in the networks' scale."""
        scaled = vil_0_255.astype(np.float32)
        scaled -= np.float32(self.offset)
        scaled /= np.float32(self.scale)
        return scaled

    def invert(self, scaled: np.ndarray) -> np.ndarray:
        """The networks' scale back to codes, float32, not rounded."""
        return np.asarray(scaled, np.float32) * np.float32(self.scale) + np.float32(self.offset)


# "unit" fills [0, 1]; "sevir" is the archive's own mean and standard deviation (reference, unused)
SCALINGS = {
    "unit": Scaling(scale=255.0, offset=0.0),
    "sevir": Scaling(scale=47.54, offset=33.44),
}
