"""Scores of events "value at or above a threshold", from counts added over the whole test set.

A value that is exactly the threshold counts, whatever rounding in float32 makes of it (`reached`).

With h hits, m misses, f false alarms, c correct negatives and a small e:

    csi   h / (h + m + f + e)    pod  h / (h + m + e)    sucr  h / (h + f + e)
    far   f / (h + f)            frequency_bias  (h + f) / (h + m)
    hss   2 (h c - m f) / ((h + m)(m + c) + (h + f)(f + c))

e = 1e-4 is the reference's (Gao et al. 2023, released code): CSI, POD and SUCR of an event that
never occurs are 0 there, and 0 here, so that mean CSI can be compared. FAR, HSS and the frequency
bias have no e and are NaN where undefined; so is then their mean over thresholds.

Counts are kept per lead time. "overall" adds them over lead times first (mode "0" of the
reference), "per_lead" does not (mode "1"); the mean of "per_lead" is its mode "2".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from mindcast.cases import ROUNDING, reached
from mindcast.evaluation.means import ratio
from mindcast.evaluation.nowcast.base import LeadEntry, check_forecast
from mindcast.refusal import Refusal

EPS = 1e-4


@dataclass(frozen=True)
class Counts:
    """Numbers of pixels by outcome, arrays of one shape: (threshold, lead time) or (threshold,)."""

    hits: np.ndarray
    misses: np.ndarray
    false_alarms: np.ndarray
    correct_negatives: np.ndarray

    def over_leads(self) -> Counts:
        """Counts of all lead times together."""
        return Counts(**{name: values.sum(axis=-1) for name, values in vars(self).items()})


def csi(n: Counts, eps: float = EPS) -> np.ndarray:
    """Critical success index (threat score), 0..1, best 1."""
    return ratio(n.hits, n.hits + n.misses + n.false_alarms + eps)


def pod(n: Counts, eps: float = EPS) -> np.ndarray:
    """Probability of detection (hit rate), 0..1, best 1."""
    return ratio(n.hits, n.hits + n.misses + eps)


def sucr(n: Counts, eps: float = EPS) -> np.ndarray:
    """Success ratio (precision), 0..1, best 1."""
    return ratio(n.hits, n.hits + n.false_alarms + eps)


def far(n: Counts, eps: float = EPS) -> np.ndarray:
    """False alarm ratio, 0..1, best 0; undefined where the event is never forecast."""
    return ratio(n.false_alarms, n.hits + n.false_alarms)


def hss(n: Counts, eps: float = EPS) -> np.ndarray:
    """Heidke skill score, 1 is perfect, 0 as good as chance; undefined if all agree on one side."""
    h, m, f, c = (v.astype(np.float64) for v in vars(n).values())  # products overflow integers
    return ratio(2 * (h * c - m * f), (h + m) * (m + c) + (h + f) * (f + c))


def frequency_bias(n: Counts, eps: float = EPS) -> np.ndarray:
    """Events forecast per event observed, best 1; undefined where none is observed."""
    return ratio(n.hits + n.false_alarms, n.hits + n.misses)


def bias_as_published_prediff(n: Counts, eps: float = EPS) -> np.ndarray:
    """What PreDiff's code reports as BIAS: ((h + f) / (h + m + e) / ln 2)^2.

    Meant was the squared log2 of the bias; this is neither that nor a frequency bias (a perfect
    forecast gets 2.08). Here for comparison with its published numbers only.
    """
    return ratio(n.hits + n.false_alarms, (n.hits + n.misses + eps) * np.log(2)) ** 2


SCORES: dict[str, Callable[[Counts, float], np.ndarray]] = {
    score.__name__: score
    for score in (csi, pod, sucr, far, hss, frequency_bias, bias_as_published_prediff)
}


def max_pool(field: np.ndarray, pool: int) -> np.ndarray:
    """Maxima of (N, T, H, W, C) over blocks of pool x pixels; rows and columns left over drop out.

    A block with a NaN is NaN. Refusal if the frame is smaller than one block.
    """
    if pool == 1:
        return field
    n, t, height, width, c = field.shape
    rows, columns = height // pool, width // pool
    if not rows or not columns:
        raise Refusal(
            f"evaluation.pools: {pool}, expected at most the frame's {min(height, width)} pixels; "
            "leave it out"
        )
    blocks = field[:, :, : rows * pool, : columns * pool]
    return blocks.reshape(n, t, rows, pool, columns, pool, c).max(axis=(3, 5))


class CategoricalScores:
    """All scores of this file, per threshold and as plain mean over thresholds, for one pooling.

    Fields times `value_scale` are physical values, as the thresholds are. Both fields are pooled,
    then compared with the threshold; pixels (blocks) where forecast or truth is NaN count nowhere.
    """

    def __init__(
        self,
        frames: int,
        thresholds: Sequence[float],
        pool: int = 1,
        eps: float = EPS,
        value_scale: float = 1.0,
    ) -> None:
        self.frames, self.thresholds, self.pool, self.eps = frames, tuple(thresholds), pool, eps
        # float32: brings code / 255 back onto every code 0..255 exactly
        self.value_scale = np.float32(value_scale)
        self.rounding = ROUNDING if value_scale != 1 else 0.0  # physical values are what they are
        shape = (len(self.thresholds), frames)
        self.counts = Counts(*(np.zeros(shape, np.int64) for _ in range(4)))

    def update(self, forecast: np.ndarray, truth: np.ndarray) -> None:
        """Add forecasts and their truth (N, T, H, W, C)."""
        check_forecast(forecast, truth, self.frames)
        forecast, truth = (
            max_pool(field * self.value_scale, self.pool) for field in (forecast, truth)
        )
        valid = ~(np.isnan(forecast) | np.isnan(truth))
        counts, pixels = self.counts, _per_lead(valid)
        for k, threshold in enumerate(self.thresholds):
            expected, observed = (
                reached(field, threshold, self.rounding) & valid for field in (forecast, truth)
            )
            hits, events = _per_lead(expected & observed), _per_lead(observed)
            alarms = _per_lead(expected)
            counts.hits[k] += hits
            counts.misses[k] += events - hits
            counts.false_alarms[k] += alarms - hits
            counts.correct_negatives[k] += pixels - events - alarms + hits

    def result(self) -> list[LeadEntry]:
        """Counts per threshold, then every score per threshold and as mean over thresholds."""
        pooled = self.counts.over_leads()
        entries = []
        for name, per_lead in vars(self.counts).items():
            entries += self._by_threshold(name, getattr(pooled, name), per_lead)
        for name, score in SCORES.items():
            overall, per_lead = score(pooled, self.eps), score(self.counts, self.eps)
            entries += self._by_threshold(name, overall, per_lead)
            means = tuple(per_lead.mean(axis=0).tolist())
            entries.append(LeadEntry(name, float(overall.mean()), means, None, self.pool))
        return entries

    def _by_threshold(
        self, name: str, overall: np.ndarray, per_lead: np.ndarray
    ) -> list[LeadEntry]:
        return [
            LeadEntry(name, overall[k].item(), tuple(per_lead[k].tolist()), threshold, self.pool)
            for k, threshold in enumerate(self.thresholds)
        ]


def _per_lead(mask: np.ndarray) -> np.ndarray:
    return np.count_nonzero(mask, axis=(0, 2, 3, 4))
