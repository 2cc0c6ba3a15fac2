"""Golden files of the downscaling scores: errors, CRPS, spread, spectra, weighted block means."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from mindcast.evaluation.downscale.spectrum import power_spectrum
from mindcast.evaluation.downscale.suite import DownscaleSuite
from mindcast.evaluation.downscale.target import Target
from mindcast.physics.resample import block_mean
from tests.parity.golden import Comparison, GoldenFile

FLOAT64 = 1e-9
# our name -> theirs, of the row that scores the ensemble mean
SCORES = {
    "rmse": "rmse",
    "bias": "bias",
    "mae": "mae",
    "crps": "crps_fair",
    "crps_plain": "crps_std",
    "spread": "spread",
}
SINE_SIZE, SINE_WAVES = (16, 18), 3  # of psd_sin, as the files' description says


def metrics(golden: GoldenFile) -> Iterator[Comparison]:
    row = score(golden["ens"], golden["obs"])
    for ours, theirs in SCORES.items():
        entry = row["scores"][ours]
        for key in {theirs, f"{theirs}_level"} & golden.keys():
            got = entry["values"] if golden[key].ndim else entry["overall"]
            yield Comparison(key, got, golden[key], FLOAT64)
    yield Comparison("psd", power_spectrum(golden["obs"]), golden["psd"], FLOAT64)
    mean = golden["psd"].mean(axis=0)
    yield Comparison("psd, streamed", row["spectrum"]["truth"], mean, FLOAT64)
    yield Comparison("psd_sin", power_spectrum(sine(golden)), golden["psd_sin"], FLOAT64)
    yield from weighted_block_mean(golden)


def score(members: np.ndarray, truth: np.ndarray) -> dict:
    """The scores of the mean of an ensemble (M, N, L, H, W), added case by case."""
    ensemble, truth = members.swapaxes(0, 1)[..., None], truth[..., None]
    levels = np.linspace(1000, 200, truth.shape[1])  # no score that is compared depends on them
    suite = DownscaleSuite(("ensemble",), levels)
    for case in range(len(truth)):
        part = slice(case, case + 1)
        suite.update("ensemble", ensemble[part], Target(truth[part], truth[part], factor=1))
    return next(iter(suite.result()["rows"].values()))


def sine(golden: GoldenFile) -> np.ndarray:
    """The pure wave along x on the grid of the fields, or the described one if sizes say so."""
    size = golden["obs"].shape[-2:]
    height, width = size if min(size) // 2 == golden["psd_sin"].size else SINE_SIZE
    wave = np.sin(2 * np.pi * SINE_WAVES * np.arange(width) / width)
    return np.broadcast_to(wave, (height, width))


def weighted_block_mean(golden: GoldenFile) -> Iterator[Comparison]:
    expected = golden["area_weighted_lr"]
    factor = golden["x"].shape[-1] // expected.shape[-1]
    got = block_mean(golden["x"], factor, np.cos(np.deg2rad(golden["lat"])))
    yield Comparison("area_weighted_lr", got, expected, FLOAT64)


HANDLERS = {"metrics": metrics}
