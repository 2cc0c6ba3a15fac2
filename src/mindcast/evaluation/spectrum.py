"""What all power spectra of fields share: the window and the wavenumber of every coefficient."""

from __future__ import annotations

from functools import lru_cache

import numpy as np


@lru_cache(maxsize=8)
def hann(height: int, width: int) -> np.ndarray:
    """(height, width): the product of two Hann windows, of mean square 1."""
    rows, columns = (
        0.5 * (1 - np.cos(2 * np.pi * (np.arange(n) + 0.5) / n)) for n in (height, width)
    )
    window = np.outer(rows, columns)
    return window / np.sqrt(np.square(window).mean())


@lru_cache(maxsize=8)
def rings(height: int, width: int) -> np.ndarray:
    """(height, width): the nearest wavenumber of every coefficient of `fft2`, in its order.

    k = min(H, W) sqrt((k_y / H)^2 + (k_x / W)^2), waves over the shorter side.
    """
    rows, columns = np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width)
    wavenumber = min(height, width) * np.sqrt(np.square(rows) + np.square(columns))
    return np.rint(wavenumber).astype(int)


def wavenumbers(height: int, width: int) -> np.ndarray:
    """Those that a whole ring fits for: 1..min(H, W) // 2."""
    return np.arange(1, min(height, width) // 2 + 1)
