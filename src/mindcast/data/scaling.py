"""From stored codes (VIL, 0..255) to what networks see.

Differs: the reference also knows a scheme with the archive's mean and deviation, which none of its
configurations uses; here frames always lie in [0, 1], which scores and pictures rely on.
"""

from __future__ import annotations

import numpy as np

VIL_MAX = 255.0


def scale_vil(vil_0_255: np.ndarray) -> np.ndarray:
    """Codes to float32 in [0, 1]; times `VIL_MAX` gives them back."""
    return vil_0_255.astype(np.float32) / np.float32(VIL_MAX)
