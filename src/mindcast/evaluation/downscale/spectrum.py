"""Power spectra on levels, and how much of the truth's power a field keeps."""

from __future__ import annotations

from typing import Any

import numpy as np

from mindcast.evaluation.downscale.base import LevelEntry
from mindcast.evaluation.downscale.target import Target
from mindcast.evaluation.means import mean_of_defined, ratio
from mindcast.evaluation.spectrum import hann, rings


def power_spectrum(field: np.ndarray) -> np.ndarray:
    """Power by wavenumber 1..min(H, W) // 2 of fields (..., H, W): (..., wavenumber).

    Mean off, Hann window of mean square 1, P = |FFT|^2 / (HW)^2, summed (not averaged) over the
    rings k = min(H, W) sqrt((k_y / H)^2 + (k_x / W)^2) rounded to the nearest integer; k counts
    waves over the shorter side.
    """
    *leading, height, width = field.shape
    window, ring = hann(height, width), rings(height, width).ravel()
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

    fine_power: the field's power over the truth's at wavenumbers beyond what the coarse grid can
    hold, k > min(H, W) / (2 factor); 1 is right, below 1 too smooth. Fields of any size count in
    it, but only those of the first size in the spectra, whose wavenumbers depend on it. All points
    count here, those below ground too: a spectrum needs whole fields.
    """

    def __init__(self, levels: int) -> None:
        self.levels, self.cases = levels, 0
        self.size: tuple[int, ...] = ()
        self.of_field, self.of_truth = np.zeros((levels, 0)), np.zeros((levels, 0))
        self.fine_field, self.fine_truth = np.zeros(levels), np.zeros(levels)

    def update(self, field: np.ndarray, target: Target) -> None:
        """Add fields (N, Z, H, W)."""
        power, truth = (power_spectrum(f).sum(axis=0) for f in (field, target.field))
        fine = _wavenumbers(power) > min(field.shape[2:]) / (2 * target.factor)
        self.fine_field += power[:, fine].sum(axis=1)
        self.fine_truth += truth[:, fine].sum(axis=1)
        if not self.size:
            self.size = field.shape[2:]
            self.of_field, self.of_truth = np.zeros(power.shape), np.zeros(power.shape)
        if field.shape[2:] == self.size:
            self.cases += len(field)
            self.of_field += power
            self.of_truth += truth

    def result(self) -> list[LevelEntry]:
        """One entry, "fine_power"."""
        kept = ratio(self.fine_field, self.fine_truth)
        overall = mean_of_defined(kept, self.fine_truth > 0)
        return [LevelEntry("fine_power", "1", overall, tuple(kept.tolist()))]

    def curves(self) -> dict[str, Any]:
        """ "wavenumber" (K values), "power", "truth" (K^2) and "ratio", each Z lists of K values.

        Also "size", the [H, W] of the fields in them, and "cases", how many these are.
        """
        curves = {"power": self.of_field, "truth": self.of_truth}
        means = {name: ratio(sums, np.array(self.cases)) for name, sums in curves.items()}
        means["ratio"] = ratio(self.of_field, self.of_truth)
        named = {name: values.tolist() for name, values in means.items()}
        wavenumbers = _wavenumbers(self.of_field).tolist()
        about = {"size": list(self.size), "cases": self.cases}
        return {**about, "wavenumber": wavenumbers, **named}


def _wavenumbers(power: np.ndarray) -> np.ndarray:
    return np.arange(1, power.shape[-1] + 1)
