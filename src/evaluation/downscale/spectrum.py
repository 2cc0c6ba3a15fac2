"""Power spectra on levels, and how much of the truth's power a field keeps."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from src.evaluation.base import ratio
from src.evaluation.downscale.base import LevelEntry, mean_of_defined
from src.evaluation.downscale.target import Target


def power_spectrum(field: np.ndarray) -> np.ndarray:
    """Power by wavenumber 1..min(H, W) // 2 of fields (..., H, W): (..., wavenumber).

    Mean off, Hann window of mean square 1, P = |FFT|^2 / (HW)^2, summed (not averaged) over the
    rings k = min(H, W) sqrt((k_y / H)^2 + (k_x / W)^2) rounded to the nearest integer; k counts
    waves over the shorter side.
    """
    *leading, height, width = field.shape
    window, ring = _window(height, width), _rings(height, width)
    centred = field - field.mean(axis=(-2, -1), keepdims=True)
    power = np.square(np.abs(np.fft.fft2(centred * window))) / (height * width) ** 2
    largest = min(height, width) // 2
    sums = [
        np.bincount(ring, plane, minlength=largest + 1)[1 : largest + 1]
        for plane in power.reshape(-1, height * width)
    ]
    return np.reshape(sums, (*leading, largest))


class PowerSpectra:
    """Mean spectrum of the field and of its truth per level, and "fine_power".

    fine_power: the field's share of the truth's power at wavenumbers beyond what the coarse grid
    can hold, k > min(H, W) / (2 factor); 1 is right, below 1 too smooth. All points count here,
    those below ground too: a spectrum needs whole fields.
    """

    def __init__(self, levels: int) -> None:
        self.levels, self.cases, self.finest_coarse = levels, 0, 0.0
        self.size: tuple[int, ...] = ()
        self.of_field, self.of_truth = np.zeros((levels, 0)), np.zeros((levels, 0))

    def update(self, field: np.ndarray, target: Target) -> None:
        """Add fields (N, Z, H, W); ValueError if H or W differs from before."""
        if not self.size:
            self.size = field.shape[2:]
            self.finest_coarse = min(self.size) / (2 * target.factor)
            shape = (self.levels, min(self.size) // 2)
            self.of_field, self.of_truth = np.zeros(shape), np.zeros(shape)
        if field.shape[2:] != self.size:
            raise ValueError(f"got fields of {field.shape[2:]} points, before {self.size}")
        self.cases += len(field)
        self.of_field += power_spectrum(field).sum(axis=0)
        self.of_truth += power_spectrum(target.field).sum(axis=0)

    @property
    def wavenumbers(self) -> np.ndarray:
        return np.arange(1, self.of_field.shape[1] + 1)

    def result(self) -> list[LevelEntry]:
        """One entry, "fine_power"."""
        fine = self.wavenumbers > self.finest_coarse
        truth = self.of_truth[:, fine].sum(axis=1)
        kept = ratio(self.of_field[:, fine].sum(axis=1), truth)
        overall = mean_of_defined(kept, truth > 0)
        return [LevelEntry("fine_power", "1", overall, tuple(kept.tolist()))]

    def curves(self) -> dict[str, list]:
        """ "wavenumber" (K values), "power", "truth" (K^2) and "ratio", each Z lists of K."""
        curves = {"power": self.of_field, "truth": self.of_truth}
        means = {name: ratio(sums, np.array(self.cases)) for name, sums in curves.items()}
        means["ratio"] = ratio(self.of_field, self.of_truth)
        named = {name: values.tolist() for name, values in means.items()}
        return {"wavenumber": self.wavenumbers.tolist(), **named}


@lru_cache(maxsize=8)
def _window(height: int, width: int) -> np.ndarray:
    rows, columns = (
        0.5 * (1 - np.cos(2 * np.pi * (np.arange(n) + 0.5) / n)) for n in (height, width)
    )
    window = np.outer(rows, columns)
    return window / np.sqrt(np.square(window).mean())


@lru_cache(maxsize=8)
def _rings(height: int, width: int) -> np.ndarray:
    """Nearest wavenumber of every coefficient, flat."""
    rows, columns = np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width)
    wavenumber = min(height, width) * np.sqrt(np.square(rows) + np.square(columns))
    return np.rint(wavenumber).astype(int).ravel()
