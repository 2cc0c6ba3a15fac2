"""Pressure levels on a picture: which ones to draw, and how an axis names them."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

CLOSEST = 0.07  # of the axis; nearer names would overlap


def spread_out(count: int, most: int) -> list[int]:
    """At most `most` indices below `count`, the first and the last among them."""
    return sorted({int(k) for k in np.linspace(0, count - 1, min(count, most)).round()})


def mark_levels(axes: Axes, levels_hpa: np.ndarray) -> None:
    """A tick at every level on a vertical axis of -ln p; names but for those too close together."""
    heights = -np.log(levels_hpa)
    reach, names, last = np.ptp(heights) or 1.0, [], -np.inf
    for height, level in zip(heights, levels_hpa, strict=True):
        fits = height - last >= CLOSEST * reach
        names.append(f"{level:g}" if fits else "")
        last = height if fits else last
    axes.set_yticks(heights, names)
