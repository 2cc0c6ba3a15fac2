import numpy as np
import pytest

from mindcast.evaluation.nowcast.pixel import (
    FrameErrors,
    MeanAbsoluteError,
    MeanSquaredError,
    StructuralSimilarity,
    ssim_map,
)


def entries(score):
    return {entry.name: entry for entry in score.result()}


def pair(frames=2, side=16, seed=0):
    return np.random.default_rng(seed).random((2, 3, frames, side, side, 1), np.float32)


def test_absolute_and_squared_error_in_both_units():
    truth = np.zeros((1, 2, 4, 4, 1), np.float32)
    forecast = truth.copy()
    forecast[0, 1] = 0.2
    absolute, squared = MeanAbsoluteError(2, 255), MeanSquaredError(2, 255)
    absolute.update(forecast, truth)
    squared.update(forecast, truth)
    assert entries(absolute)["mae"].per_lead == pytest.approx((0, 0.2))
    assert entries(absolute)["mae_physical"].overall == pytest.approx(0.1 * 255)
    assert entries(squared)["mse"].overall == pytest.approx(0.02)
    assert entries(squared)["mse_physical"].per_lead == pytest.approx((0, 51**2))


def test_missing_truth_is_left_out_and_missing_forecast_stays_visible():
    truth, forecast = np.zeros((2, 1, 2, 2, 2, 1), np.float32)
    truth[0, 0, 0, 0] = np.nan
    forecast[0, 0, 1, 1] = 0.3  # one of the three pixels that count
    forecast[0, 1, 0, 0] = np.nan
    score = MeanAbsoluteError(2, 255)
    score.update(forecast, truth)
    first, second = entries(score)["mae"].per_lead
    assert first == pytest.approx(0.1)
    assert np.isnan(second)
    assert np.isnan(entries(score)["mae"].overall)


def test_no_batch_gives_nan_not_zero():
    assert np.isnan(MeanAbsoluteError(1, 255).result()[0].overall)


def test_similarity_of_constant_frames_follows_from_their_means():
    x, y = np.full((2, 1, 1, 12, 12, 1), 0.5, np.float32)
    y = y * 0.5
    similarity, _ = ssim_map(x, y)
    assert similarity.shape == (1, 1, 2, 2, 1)
    # variances vanish: (2 0.5 0.25 + C1) / (0.5^2 + 0.25^2 + C1), C1 = 0.01^2
    assert similarity == pytest.approx((0.25 + 1e-4) / (0.3125 + 1e-4))


def test_similarity_is_that_of_every_window_written_out():
    x, y = pair(frames=1, side=13)[:, :1]
    offsets = np.arange(11) - 5
    weights = np.exp(-(offsets[:, None] ** 2 + offsets[None] ** 2) / (2 * 1.5**2))
    weights /= weights.sum()
    similarity, _ = ssim_map(x, y)
    for i in range(3):
        for j in range(3):
            a, b = (f[0, 0, i : i + 11, j : j + 11, 0].astype(np.float64) for f in (x, y))
            mean_a, mean_b = (weights * a).sum(), (weights * b).sum()
            covariance = (weights * (a - mean_a) * (b - mean_b)).sum()
            spread = (weights * ((a - mean_a) ** 2 + (b - mean_b) ** 2)).sum()
            expected = (2 * mean_a * mean_b + 1e-4) / (mean_a**2 + mean_b**2 + 1e-4)
            expected *= (2 * covariance + 9e-4) / (spread + 9e-4)
            assert similarity[0, 0, i, j, 0] == pytest.approx(expected)


def test_similarity_of_a_case_does_not_depend_on_its_batch():
    forecast, truth = pair()
    together, apart = StructuralSimilarity(2), StructuralSimilarity(2)
    together.update(forecast, truth)
    for n in range(3):
        apart.update(forecast[n : n + 1], truth[n : n + 1])
    assert apart.result()[0].overall == pytest.approx(together.result()[0].overall, rel=1e-12)


def test_windows_that_touch_a_missing_pixel_are_left_out():
    truth = pair(frames=1)[1]
    truth[:, :, 0, 0] = np.nan
    score = StructuralSimilarity(1)
    score.update(np.nan_to_num(truth), truth)
    assert score.result()[0].overall == pytest.approx(1)


def test_frames_below_one_window_have_no_similarity():
    score = StructuralSimilarity(2)
    score.update(*pair(side=10))
    assert np.isnan(score.result()[0].overall)


def test_frame_errors_are_means_of_each_frame_s_root():
    truth = np.zeros((2, 2, 1, 4, 1), np.float32)
    forecast = truth.copy()
    forecast[0, 0], forecast[1, 0], forecast[0, 1, 0, 0] = 0.1, 0.3, 0.4
    truth[1, 1] = np.nan  # a frame without truth is left out
    score = FrameErrors(2, 90.0)
    score.update(forecast, truth)
    found = {entry.name: entry for entry in score.result()}
    # frame 0: 0.1 and 0.3; frame 1: root of 0.16 / 4 = 0.2
    assert found["rmse_frame_mean"].per_lead == pytest.approx((0.2, 0.2))
    assert found["rmse_frame_mean_physical"].overall == pytest.approx(90 * 0.2)
    # 20, 20 log10(10 / 3) = 10.458 and 13.979 dB
    assert found["psnr_frame_mean"].per_lead == pytest.approx((15.229, 13.979), abs=1e-3)


def test_a_perfect_frame_makes_the_peak_signal_to_noise_ratio_infinite():
    field = np.ones((1, 1, 2, 2, 1), np.float32)
    score = FrameErrors(1, 1.0)
    score.update(field, field)
    assert [entry.overall for entry in score.result()] == [0, 0, np.inf]
