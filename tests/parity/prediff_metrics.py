"""Golden files of the scores: counts and skill in three modes, Frechet distance, I3D input."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from mindcast.evaluation.nowcast.categorical import SCORES, CategoricalScores, Counts
from mindcast.evaluation.nowcast.frechet import FeatureMoments, frechet_distance, preprocess
from tests.parity.golden import Comparison, GoldenFile

COUNTS = {"hits": "hits", "misses": "misses", "fas": "false_alarms"}
NAMES = {"csi": "csi", "pod": "pod", "sucr": "sucr", "bias": "bias_as_published_prediff"}
# the reference scales back by dividing by float32(1/255), which puts 219/255 just below 219
STEP = np.float32(1 / 255)


def in_our_layout(field: np.ndarray, layout: str) -> np.ndarray:
    missing = [axis for axis in "NTHWC" if axis not in layout]
    field = field.reshape(*field.shape, *[1] * len(missing))
    return field.transpose(["".join([layout, *missing]).index(axis) for axis in "NTHWC"])


def count(golden: GoldenFile, pool: int, config: dict[str, Any]) -> CategoricalScores:
    name = "in/pred_pool" if pool > 1 and "in/pred_pool" in golden else "in/pred"
    forecast, truth = (
        in_our_layout(golden[key] / STEP, config["layout"]) for key in (name, "in/target")
    )
    score = CategoricalScores(truth.shape[1], config["thresholds"], pool, config["eps"])
    for case in range(len(truth)):
        score.update(forecast[case : case + 1], truth[case : case + 1])
    return score


def by_mode(score: CategoricalScores, name: str, mode: int) -> np.ndarray:
    """(threshold,) in modes 0 and 2, (threshold, lead time) in mode 1."""
    counts: Counts = score.counts if mode else score.counts.over_leads()
    values = SCORES[name](counts, score.eps)
    return values.mean(axis=-1) if mode == 2 else values


def metrics_skill(golden: GoldenFile) -> Iterator[Comparison]:
    config = golden.json()
    for kind in sorted({key.split("/")[1] for key in golden if key.startswith("out/")}):
        score = count(golden, int(kind.partition("pool")[2] or 1), config)
        for key, expected in golden.under(f"out/{kind}/").items():
            mode, name, *which = key.split("/")
            got = compute(score, name, int(mode.removeprefix("mode")), which, config["thresholds"])
            tolerance = 0.0 if name in COUNTS else 1e-4
            yield Comparison(f"{kind}/{key}", got, expected, tolerance)


def compute(
    score: CategoricalScores, name: str, mode: int, which: list[str], thresholds: list[float]
) -> np.ndarray:
    if name in COUNTS:
        counts = score.counts if mode else score.counts.over_leads()
        return getattr(counts, COUNTS[name])
    values = by_mode(score, NAMES[name], mode)
    return values.mean(axis=0) if which == ["avg"] else values[thresholds.index(float(which[0]))]


def metrics_fvd(golden: GoldenFile) -> Iterator[Comparison]:
    moments = []
    for key in ("in/real", "in/fake"):
        features = golden[key]
        moments.append(FeatureMoments(features.shape[1]))
        for batch in np.array_split(features, 3):
            moments[-1].update(batch)
    distance = frechet_distance(*moments)
    for name in ("out/fvd", "out/fvd_svd"):
        if name in golden:
            yield Comparison(name, distance, golden[name], 1e-6)
    resolution = golden.json()["target_resolution"]
    for case in sorted({key.split("/")[0] for key in golden if key.startswith("preprocess")}):
        videos = np.moveaxis(golden[f"{case}/in"], 2, -1)
        yield Comparison(case, preprocess(videos, resolution), golden[f"{case}/out"])


HANDLERS = {"metrics_skill": metrics_skill, "metrics_fvd": metrics_fvd}
