"""Golden files of DiffCast's scores: counts, frame means, padded pools, errors and SSIM."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from mindcast.evaluation.nowcast.categorical import CategoricalScores, csi
from mindcast.evaluation.nowcast.frame_mean import (
    FrameMeanScores,
    PaddedPoolScores,
    padded_max_pool,
    whole_codes,
)
from mindcast.evaluation.nowcast.pixel import (
    FrameErrors,
    MeanAbsoluteError,
    MeanSquaredError,
    ssim_map,
)
from tests.parity.golden import Comparison, GoldenFile

COUNTS = {
    "hits": "hits",
    "misses": "misses",
    "falsealarms": "false_alarms",
    "correctnegs": "correct_negatives",
}
POOLS = {"": 1, "44": 4, "16": 16}  # suffix of a key -> pixels on a side
FRAME_MEANS = ("csi", "far", "pod", "hss")
CHANNELS_LAST = (0, 1, 3, 4, 2)


def metrics(golden: GoldenFile) -> Iterator[Comparison]:
    for name, config in golden.json()["sets"].items():
        yield from one_set(golden.case(f"{name}/"), config)


def one_set(case: GoldenFile, config: dict[str, Any]) -> Iterator[Comparison]:
    scale, thresholds = config["scale"], config["thresholds"]
    truth, forecast = (
        np.clip(case[f"in/{name}"], 0, 1).transpose(CHANNELS_LAST) for name in ("true", "pred")
    )
    yield from fields(case, forecast, truth, scale)
    for suffix, pool in POOLS.items():
        if any(key.endswith(f"/hits{suffix}") for key in case):
            yield from counts(case, forecast, truth, config, suffix, pool)
    yield from scores(case, forecast, truth, scale, thresholds)
    yield from errors(case, forecast, truth, scale)


def fields(
    case: GoldenFile, forecast: np.ndarray, truth: np.ndarray, scale: float
) -> Iterator[Comparison]:
    for key, field in (("int_true", truth), ("int_pred", forecast)):
        if f"out/{key}" in case:
            codes = whole_codes(field, scale).transpose(0, 1, 4, 2, 3)
            yield Comparison(key, codes, case[f"out/{key}"], 0)
    for pool in (4, 16):
        key = f"out/maxpool{pool}_pred0"
        if key in case:
            pooled = padded_max_pool(whole_codes(forecast[:1], scale), pool)
            yield Comparison(key, pooled[0, ..., 0], case[key], 0)


def counts(
    case: GoldenFile,
    forecast: np.ndarray,
    truth: np.ndarray,
    config: dict[str, Any],
    suffix: str,
    pool: int,
) -> Iterator[Comparison]:
    """Counts of single samples: (sample, frame), or (sample,) for blocks."""
    thresholds, scale = config["thresholds"], config["scale"]
    samples = [
        sample_counts(forecast[n : n + 1], truth[n : n + 1], thresholds, scale, pool)
        for n in range(len(truth))
    ]
    for k, threshold in enumerate(thresholds):
        for name, ours in COUNTS.items():
            key = f"counts/{threshold:g}/{name}{suffix}"
            got = np.stack([getattr(sample.counts, ours)[k] for sample in samples])
            yield Comparison(key, got if pool == 1 else got.sum(axis=1), case[key], 0)


def sample_counts(
    forecast: np.ndarray, truth: np.ndarray, thresholds: list[float], scale: float, pool: int
) -> CategoricalScores:
    score: Any = (
        FrameMeanScores(truth.shape[1], thresholds, scale)
        if pool == 1
        else PaddedPoolScores(truth.shape[1], thresholds, scale, pool)
    )
    score.update(forecast, truth)
    return score.pooled


def scores(
    case: GoldenFile,
    forecast: np.ndarray,
    truth: np.ndarray,
    scale: float,
    thresholds: list[float],
) -> Iterator[Comparison]:
    frames = FrameMeanScores(truth.shape[1], thresholds, scale)
    frames.update(forecast, truth)
    by_name = {entry.name: entry for entry in frames.result()}
    for name in FRAME_MEANS:
        for threshold in thresholds:
            got = by_name[f"{name}_frame_mean_{threshold:g}"].per_lead
            yield Comparison(f"{name}/{threshold:g}", got, case[f"out/{name}/{threshold:g}"])
        yield Comparison(
            f"avg_{name}", by_name[f"{name}_frame_mean"].overall, case[f"out/avg_{name}"]
        )
    for suffix, pool in POOLS.items():
        if pool == 1 or f"out/avg_csi{suffix}" not in case:
            continue
        blocks = PaddedPoolScores(truth.shape[1], thresholds, scale, pool)
        blocks.update(forecast, truth)
        values = csi(blocks.pooled.counts.over_leads(), 0)
        for k, threshold in enumerate(thresholds):
            key = f"csi{suffix}/{threshold:g}"
            yield from defined(key, values[k], case[f"out/{key}"])
        yield from defined(f"avg_csi{suffix}", values.mean(), case[f"out/avg_csi{suffix}"])


def errors(
    case: GoldenFile, forecast: np.ndarray, truth: np.ndarray, scale: float
) -> Iterator[Comparison]:
    """Errors of single frames, (sample, frame)."""
    kinds: dict[str, Any] = {
        "mae": (MeanAbsoluteError, "mae_physical"),
        "mse": (MeanSquaredError, "mse_physical"),
        "rmse": (FrameErrors, "rmse_frame_mean_physical"),
        "psnr": (FrameErrors, "psnr_frame_mean"),
    }
    for name, (kind, entry_name) in kinds.items():
        rows = []
        for n in range(len(truth)):
            score = kind(truth.shape[1], scale)
            score.update(forecast[n : n + 1], truth[n : n + 1])
            rows += [entry.per_lead for entry in score.result() if entry.name == entry_name]
        yield from defined(f"loss_{name}", np.array(rows), case[f"out/loss_{name}"])
    ssim = ssim_map(forecast, truth)[0].mean(axis=(2, 3, 4))
    yield Comparison("loss_ssim", ssim, case["out/loss_ssim"])


def defined(key: str, got: np.ndarray, expected: np.ndarray) -> Iterator[Comparison]:
    """Values that are finite in the one as in the other; where they are not must be the same."""
    finite = np.isfinite(expected)
    yield Comparison(f"{key} is finite", np.isfinite(got), finite)
    if finite.any():
        yield Comparison(key, np.where(finite, got, 0), np.where(finite, expected, 0))


HANDLERS = {"metrics": metrics}
