"""From stored codes (0..255, VIL or grey values) to what networks get as input, and back.

Differs: the reference also knows a scheme with the archive's mean and deviation, which none of its
configurations uses; here frames always lie in [0, 1], which scores and pictures rely on.
"""

from __future__ import annotations

import numpy as np

from mindcast.refusal import Refusal

CODE_MAX = 255.0
# of the categorical scores, VIL codes (Veillette et al. 2020)
VIL_THRESHOLDS = (16.0, 74.0, 133.0, 160.0, 181.0, 219.0)


def scale_codes(codes_0_255: np.ndarray) -> np.ndarray:
    """Codes to float32 in [0, 1]; times `CODE_MAX` gives them back."""
    return codes_0_255.astype(np.float32) / np.float32(CODE_MAX)


def whole_codes(codes: np.ndarray, where: str) -> np.ndarray:
    """Codes as they are written, rounded to uint8; the one cast to it.

    Refusal, which begins with `where`, for codes that it cannot hold: they would wrap around.
    """
    rounded = np.rint(codes)
    if not ((rounded >= 0) & (rounded <= CODE_MAX)).all():  # NaN is neither
        low, high = float(np.min(codes)), float(np.max(codes))
        raise Refusal(
            f"{where} holds values from {low:g} to {high:g}, expected codes 0..255; fix the file"
        )
    return rounded.astype(np.uint8)
