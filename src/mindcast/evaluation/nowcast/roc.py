"""The ROC curve of the probabilities of an ensemble: events found against false alarms.

Of all probabilities p = k / M each is taken for the one from which on an event is announced. With
the hit rate H (share of the events that were announced) and the false alarm rate F (share of the
pixels without the event for which it was) the points (F, H), from (0, 0), nothing announced, to
(1, 1), everything, are the curve. The area below it, by trapezia, is 1 for a perfect forecast and
1/2 for one that cannot tell events from others, whatever its bias (Mason 1982).
"""

from __future__ import annotations

import numpy as np

from mindcast.evaluation.means import ratio


def roc_curve(pixels: np.ndarray, events: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """F and H, (..., M + 2), from counts (..., M + 1) by probability k / M, of pixels and events.

    The first point announces nothing, the next probability 1, then (M - 1) / M and so on to 0. NaN
    where there is no event, or nothing else.
    """
    return _announced(pixels - events), _announced(events)


def roc_area(pixels: np.ndarray, events: np.ndarray) -> np.ndarray:
    """The area below the curve, (...); NaN where it is undefined."""
    false_alarms, hits = roc_curve(pixels, events)
    heights = (hits[..., 1:] + hits[..., :-1]) / 2
    return np.asarray((heights * np.diff(false_alarms, axis=-1)).sum(axis=-1))


def _announced(counts: np.ndarray) -> np.ndarray:
    found = np.cumsum(counts[..., ::-1], axis=-1)
    nothing = np.zeros((*counts.shape[:-1], 1))
    return ratio(np.concatenate([nothing, found], axis=-1), found[..., -1:])
