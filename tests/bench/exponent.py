"""How a cost grows: the exponent p of cost = a size^p."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def fitted(sizes: Sequence[float], costs: Sequence[float]) -> float:
    """The least-squares slope of log cost over log size; NaN of fewer than two sizes."""
    if len(set(sizes)) < 2:
        return float("nan")
    x, y = np.log(np.asarray(sizes, float)), np.log(np.asarray(costs, float))
    x -= x.mean()
    return float((x * y).sum() / (x * x).sum())
