"""Radially averaged power spectra: whether a forecast has as much detail as the truth.

P(k) is the mean of |FFT|^2 / (H W) over the coefficients whose wavenumber rounds to k, of the frame
less its mean under a Hann window of mean square 1; k counts waves over the shorter side, of length
L / k pixels, L = min(H, W).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from mindcast.evaluation.means import ratio
from mindcast.evaluation.nowcast.base import LeadEntry, check_forecast
from mindcast.evaluation.spectrum import hann, rings, wavenumbers

FINE = 8  # pixels: waves shorter than this are fine


class RadialSpectra:
    """Mean spectrum of forecast and truth by lead time, in squared physical values, and
    "fine_power".

    fine_power: the forecast's power over the truth's in waves shorter than FINE pixels; 1 is right,
    below 1 too smooth, above 1 too noisy. Pixels where the truth or the forecast is NaN are 0 in
    both, as a spectrum needs whole frames; frames without any other pixel are left out. ValueError
    for frames of another size than before.
    """

    def __init__(self, frames: int, value_scale: float) -> None:
        self.value_scale, self.size = value_scale, (0, 0)
        self.of_field, self.of_truth = (np.zeros((frames, 0)) for _ in range(2))
        self.frames = np.zeros(frames, np.int64)

    def update(self, forecast: np.ndarray, truth: np.ndarray) -> None:
        """Add forecasts (N, T, H, W, C) and their truth."""
        check_forecast(forecast, truth, len(self.frames))
        self._take_size(*truth.shape[2:4])
        known = ~(np.isnan(truth) | np.isnan(forecast))
        for sums, field in ((self.of_field, forecast), (self.of_truth, truth)):
            sums += ring_power(np.moveaxis(np.where(known, field, 0), -1, 2)).sum(axis=(0, 2))
        self.frames += np.count_nonzero(known.any(axis=(2, 3)), axis=(0, 2))

    def result(self) -> list[LeadEntry]:
        """One entry, "fine_power"."""
        fine = wavenumbers(*self.size) * FINE > min(self.size)
        field, truth = (sums[:, fine].sum(axis=1) for sums in (self.of_field, self.of_truth))
        overall = float(ratio(field.sum(), truth.sum()))
        return [LeadEntry("fine_power", overall, tuple(ratio(field, truth).tolist()))]

    def curves(self) -> dict[str, Any]:
        """What pictures show, of K wavenumbers, after the first batch.

        {"wavelength": their K lengths in pixels, "power" and "truth": {"overall": K means P(k) of
        all lead times, "per_lead": those of each}}; NaN where there is no frame.
        """
        found: dict[str, Any] = {}
        for name, sums in (("power", self.of_field), ("truth", self.of_truth)):
            physical = sums * self.value_scale**2 / ring_sizes(*self.size)
            overall = ratio(physical.sum(axis=0), self.frames.sum())
            per_lead = ratio(physical, self.frames[:, None])
            found[name] = {"overall": overall.tolist(), "per_lead": per_lead.tolist()}
        return {"wavelength": (min(self.size) / wavenumbers(*self.size)).tolist(), **found}

    def _take_size(self, height: int, width: int) -> None:
        if self.size == (0, 0):
            self.size, shape = (height, width), (len(self.frames), min(height, width) // 2)
            self.of_field, self.of_truth = np.zeros(shape), np.zeros(shape)
        if self.size != (height, width):
            raise ValueError(f"got frames of {(height, width)} pixels, before {self.size}")


def ring_power(field: np.ndarray) -> np.ndarray:
    """Sums of the power of fields (..., H, W) over each ring k = 1..min(H, W) // 2: (..., k).

    P(k) of this file times `ring_sizes`; float64.
    """
    *leading, height, width = field.shape
    centred = field - field.mean(axis=(-2, -1), keepdims=True, dtype=np.float64)
    power = np.square(np.abs(np.fft.rfft2(centred * hann(height, width)))) / (height * width)
    # of a real field what is left out has the power of what is kept; the first column, and with an
    # even width the last, are their own
    power[..., 1 : (width + 1) // 2] *= 2
    ring, last = rings(height, width)[:, : width // 2 + 1].ravel(), min(height, width) // 2
    planes = power.reshape(-1, ring.size)
    sums = [np.bincount(ring, plane, minlength=last + 1)[1 : last + 1] for plane in planes]
    return np.reshape(sums, (*leading, last))


def ring_sizes(height: int, width: int) -> np.ndarray:
    """How many coefficients each wavenumber has."""
    last = min(height, width) // 2
    return np.bincount(rings(height, width).ravel(), minlength=last + 1)[1 : last + 1]
