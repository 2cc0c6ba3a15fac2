"""The probabilities of an ensemble that a value is at or above a threshold, beside what came.

The probability is the share p = k / M of the M members that reach the threshold (`reached`). With
n_k pixels of each probability p_k, o_k of them with the event, N pixels and o = sum o_k / N in all:

    brier               sum (n_k p_k^2 - 2 p_k o_k + o_k) / N, the mean (p - event)^2, best 0
    brier_reliability   sum n_k (p_k - o_k / n_k)^2 / N, best 0
    brier_resolution    sum n_k (o_k / n_k - o)^2 / N, best the uncertainty
    brier_uncertainty   o (1 - o), of the observations alone
    brier_skill         1 - brier / uncertainty, against always giving o; best 1
    roc_area            area below the curve of `roc`, best 1

Every probability has its own bin, so that brier = reliability - resolution + uncertainty (Murphy
1973). Few members give coarse probabilities and a larger Brier score: compare those of one M.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from mindcast.cases import reached
from mindcast.evaluation.means import ratio
from mindcast.evaluation.nowcast.base import LeadEntry, check_ensemble
from mindcast.evaluation.nowcast.roc import roc_area, roc_curve


class ExceedanceProbabilities:
    """The scores above, per threshold and as plain mean over thresholds, and the diagram.

    thresholds: physical values; value_scale: of 1. members: M; a single forecast is an ensemble of
    one, with probabilities 0 and 1. Pixels where the truth or a member is NaN count nowhere.
    """

    def __init__(
        self, frames: int, members: int, thresholds: Sequence[float], value_scale: float
    ) -> None:
        self.thresholds, self.value_scale = tuple(thresholds), np.float32(value_scale)
        shape = (len(self.thresholds), frames, members + 1)
        self.pixels, self.events = np.zeros(shape, np.int64), np.zeros(shape, np.int64)

    def update(self, ensemble: np.ndarray, truth: np.ndarray) -> None:
        """Add ensembles (N, M, T, H, W, C) and their truth (N, T, H, W, C)."""
        _, frames, bins = self.pixels.shape
        check_ensemble(ensemble, truth, frames)
        known = ~(np.isnan(truth) | np.isnan(ensemble).any(axis=1))
        ensemble, truth = ensemble * self.value_scale, truth * self.value_scale
        first = bins * np.arange(frames).reshape(1, frames, 1, 1, 1)
        for k, threshold in enumerate(self.thresholds):
            place = first + np.count_nonzero(reached(ensemble, threshold), axis=1)
            for counts, where in (
                (self.pixels[k], known),
                (self.events[k], known & reached(truth, threshold)),
            ):
                found = np.bincount(place[where], minlength=counts.size)
                counts += found.reshape(counts.shape)

    def result(self) -> list[LeadEntry]:
        """Every score per threshold, then as mean over thresholds."""
        per_lead = probability_scores(self.pixels, self.events)
        pooled = probability_scores(self.pixels.sum(axis=1), self.events.sum(axis=1))
        entries = []
        for name, values in per_lead.items():
            overall = pooled[name]
            entries += [
                LeadEntry(name, float(overall[k]), tuple(values[k].tolist()), threshold)
                for k, threshold in enumerate(self.thresholds)
            ]
            means = tuple(values.mean(axis=0).tolist())
            entries.append(LeadEntry(name, float(overall.mean()), means))
        return entries

    def diagram(self) -> list[dict[str, Any]]:
        """Of each threshold, over all lead times, what reliability diagram and ROC curve show.

        {"threshold", lists of M + 1: "probability", "pixels" that had it, "observed": the share of
        these with the event, NaN for none; lists of M + 2: "false_alarm_rate", "hit_rate", see
        `roc_curve`}.
        """
        pixels, events = self.pixels.sum(axis=1), self.events.sum(axis=1)
        false_alarm_rate, hit_rate = roc_curve(pixels, events)
        probability = np.linspace(0, 1, pixels.shape[-1]).tolist()
        return [
            {
                "threshold": threshold,
                "probability": probability,
                "pixels": pixels[k].tolist(),
                "observed": ratio(events[k], pixels[k]).tolist(),
                "false_alarm_rate": false_alarm_rate[k].tolist(),
                "hit_rate": hit_rate[k].tolist(),
            }
            for k, threshold in enumerate(self.thresholds)
        ]


def probability_scores(pixels: np.ndarray, events: np.ndarray) -> dict[str, np.ndarray]:
    """The scores of this file from counts (..., M + 1) by probability; NaN where undefined."""
    probability = np.linspace(0, 1, pixels.shape[-1])
    count = pixels.sum(axis=-1)
    rate = ratio(events.sum(axis=-1), count)
    observed = np.where(pixels > 0, events / np.maximum(pixels, 1), 0)
    squares = pixels * probability**2 - 2 * probability * events + events
    brier, uncertainty = ratio(squares.sum(axis=-1), count), rate * (1 - rate)
    from_probability = pixels * np.square(probability - observed)
    from_rate = pixels * np.square(observed - rate[..., None])
    return {
        "brier": brier,
        "brier_reliability": ratio(from_probability.sum(axis=-1), count),
        "brier_resolution": ratio(from_rate.sum(axis=-1), count),
        "brier_uncertainty": uncertainty,
        "brier_skill": 1 - ratio(brier, uncertainty),
        "roc_area": roc_area(pixels, events),
    }
