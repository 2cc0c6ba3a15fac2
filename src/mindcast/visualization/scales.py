"""Continuous colour scales: temperatures, errors, spread."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Colormap, Normalize
from matplotlib.figure import Figure

MISSING = "#BDBDBD"


@dataclass(frozen=True)
class Scale:
    """How values become colours; NaN grey, ends extended."""

    colours: Colormap
    norm: Normalize

    @property
    def limits(self) -> tuple[float, float]:
        return float(self.norm.vmin or 0), float(self.norm.vmax or 0)


def temperature_colours() -> Colormap:
    """From cold to warm."""
    return _colours("RdYlBu_r")


def temperature_scale(truth: np.ndarray) -> Scale:
    """From the truth's lowest to its highest half percent."""
    kept = truth[~np.isnan(truth)]
    low, high = np.percentile(kept, (0.5, 99.5)) if kept.size else (0.0, 1.0)
    return Scale(temperature_colours(), Normalize(low, max(high, low + 0.1)))


def error_scale(errors: Iterable[np.ndarray]) -> Scale:
    """Symmetric about a white 0, wide enough for 99 % of the absolute errors."""
    kept = np.concatenate([np.abs(error[~np.isnan(error)]) for error in errors])
    limit = max(float(np.percentile(kept, 99)), 0.01) if kept.size else 1.0
    return Scale(_colours("RdBu_r"), Normalize(-limit, limit))


def spread_scale(spread: np.ndarray) -> Scale:
    """From 0 to what 99 % of the points stay below."""
    kept = spread[~np.isnan(spread)]
    limit = max(float(np.percentile(kept, 99)), 0.01) if kept.size else 1.0
    return Scale(_colours("Purples"), Normalize(0, limit))


def add_bar(figure: Figure, axes: Axes, scale: Scale, label: str) -> None:
    """Fill `axes` with the key to a scale."""
    mappable = ScalarMappable(scale.norm, scale.colours)
    bar = figure.colorbar(mappable, axes, extend="both" if scale.limits[0] else "max")
    bar.ax.tick_params(labelsize=7, length=2)
    bar.ax.locator_params(nbins=5)
    bar.set_label(label, fontsize=7.5, color="#222222", labelpad=2)


def _colours(name: str) -> Colormap:
    return colormaps[name].with_extremes(bad=MISSING)
