"""From stored codes (0..255, VIL or grey values) to what networks get as input.

Differs: the reference also knows a scheme with the archive's mean and deviation, which none of its
configurations uses; here frames always lie in [0, 1], which scores and pictures rely on.
"""

from __future__ import annotations

import numpy as np

CODE_MAX = 255.0
# of the categorical scores, VIL codes (Veillette et al. 2020)
VIL_THRESHOLDS = (16.0, 74.0, 133.0, 160.0, 181.0, 219.0)


def scale_codes(codes_0_255: np.ndarray) -> np.ndarray:
    """Codes to float32 in [0, 1]; times `CODE_MAX` gives them back."""
    return codes_0_255.astype(np.float32) / np.float32(CODE_MAX)
