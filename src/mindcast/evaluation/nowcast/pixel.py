"""Scores of one field against another, pixel by pixel: MAE, MSE, RMSE, PSNR and SSIM.

Pixels that the truth lacks (NaN) are left out; a NaN in the forecast makes the score NaN.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import correlate1d

from mindcast.evaluation.means import RunningMean, ratio
from mindcast.evaluation.nowcast.base import LeadEntry, check_forecast

WINDOW, SIGMA = 11, 1.5
K1, K2 = 0.01, 0.03


class MeanAbsoluteError:
    """mean |x - y|: "mae" in [0, 1] and "mae_physical" in physical values."""

    def __init__(self, frames: int, value_scale: float) -> None:
        self.mean, self.value_scale = RunningMean(frames), value_scale

    def update(self, forecast: np.ndarray, truth: np.ndarray) -> None:
        """Add forecasts (N, T, H, W, C) and their truth."""
        check_forecast(forecast, truth, len(self.mean.total))
        self.mean.add(np.abs(forecast - truth), ~np.isnan(truth))

    def result(self) -> list[LeadEntry]:
        """Both units."""
        return in_both_units("mae", self.mean, self.value_scale)


class MeanSquaredError:
    """mean (x - y)^2: "mse" in [0, 1] and "mse_physical" in squared physical values."""

    def __init__(self, frames: int, value_scale: float) -> None:
        self.mean, self.value_scale = RunningMean(frames), value_scale

    def update(self, forecast: np.ndarray, truth: np.ndarray) -> None:
        """Add forecasts (N, T, H, W, C) and their truth."""
        check_forecast(forecast, truth, len(self.mean.total))
        self.mean.add(np.square(forecast - truth), ~np.isnan(truth))

    def result(self) -> list[LeadEntry]:
        """Both units."""
        return in_both_units("mse", self.mean, self.value_scale**2)


class FrameErrors:
    """Root mean squared error and peak signal-to-noise ratio of each frame, then their means.

    "rmse_frame_mean" in [0, 1] and "rmse_frame_mean_physical"; "psnr_frame_mean" is 20 log10(1 /
    RMSE) in dB, infinite as soon as one frame is perfect. Frames without any truth are left out.
    """

    def __init__(self, frames: int, value_scale: float) -> None:
        self.value_scale = value_scale
        self.root, self.peak = RunningMean(frames), RunningMean(frames)

    def update(self, forecast: np.ndarray, truth: np.ndarray) -> None:
        """Add forecasts (N, T, H, W, C) and their truth."""
        check_forecast(forecast, truth, len(self.root.total))
        valid = ~np.isnan(truth)
        errors = np.where(valid, np.square(forecast - truth), 0)
        pixels = np.count_nonzero(valid, axis=(2, 3, 4))
        root = np.sqrt(ratio(errors.sum(axis=(2, 3, 4), dtype=np.float64), pixels))
        with np.errstate(divide="ignore"):
            peak = -20 * np.log10(root)
        self.root.add(root, pixels > 0)
        self.peak.add(peak, pixels > 0)

    def result(self) -> list[LeadEntry]:
        """The RMSE in both units, the PSNR."""
        peaks = tuple(self.peak.each.tolist())
        return [
            *in_both_units("rmse_frame_mean", self.root, self.value_scale),
            LeadEntry("psnr_frame_mean", self.peak.pooled, peaks),
        ]


class StructuralSimilarity:
    """Mean SSIM over all windows that lie wholly inside the frame (Wang et al. 2004).

    11 x 11 Gaussian window of sigma 1.5, as in torchmetrics, whose padding is cut off again.
    Windows that touch a pixel missing in the truth are left out. NaN for frames below 11 pixels.
    Differs: the data range is 1, torchmetrics takes it from each batch.
    """

    def __init__(self, frames: int) -> None:
        self.mean = RunningMean(frames)

    def update(self, forecast: np.ndarray, truth: np.ndarray) -> None:
        """Add forecasts (N, T, H, W, C) and their truth."""
        check_forecast(forecast, truth, len(self.mean.total))
        if min(truth.shape[2:4]) < WINDOW:
            return
        similarity, mean_truth = ssim_map(forecast, truth)
        self.mean.add(similarity, ~np.isnan(mean_truth))

    def result(self) -> list[LeadEntry]:
        """One entry, "ssim"."""
        return [LeadEntry("ssim", self.mean.pooled, tuple(self.mean.each.tolist()))]


def ssim_map(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """SSIM of (N, T, H, W, C) frames of range 1 and the local mean of y, per window.

    Both (N, T, H - 10, W - 10, C), float64.
    """
    x, y = x.astype(np.float64), y.astype(np.float64)
    mean_x, mean_y = _window_mean(x), _window_mean(y)
    variance_x = _window_mean(x * x) - mean_x**2
    variance_y = _window_mean(y * y) - mean_y**2
    covariance = _window_mean(x * y) - mean_x * mean_y
    luminance = (2 * mean_x * mean_y + K1**2) / (mean_x**2 + mean_y**2 + K1**2)
    structure = (2 * covariance + K2**2) / (variance_x + variance_y + K2**2)
    return luminance * structure, mean_y


def _window_mean(field: np.ndarray) -> np.ndarray:
    offsets = np.arange(WINDOW) - WINDOW // 2
    weights = np.exp(-0.5 * (offsets / SIGMA) ** 2)
    weights /= weights.sum()
    edge = WINDOW // 2
    for axis in (2, 3):
        field = correlate1d(field, weights, axis=axis, mode="nearest")
    return field[:, :, edge:-edge, edge:-edge]


def in_both_units(name: str, mean: RunningMean, factor: float) -> list[LeadEntry]:
    """The entry `name` and, multiplied by `factor`, `name`_physical."""
    overall, per_lead = mean.pooled, mean.each
    return [
        LeadEntry(name, overall, tuple(per_lead.tolist())),
        LeadEntry(f"{name}_physical", overall * factor, tuple((per_lead * factor).tolist())),
    ]
