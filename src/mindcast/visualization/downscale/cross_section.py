"""A vertical section through one downscaled case: how the columns look, where they are wrong."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mindcast.visualization.downscale.levels import mark_levels
from mindcast.visualization.downscale.view import View, root_mean_square
from mindcast.visualization.saving import save_png
from mindcast.visualization.scales import MISSING, Scale, add_bar, error_scale
from mindcast.visualization.sheet import add_title, place

# layout in inches
FRAME, HEIGHT, GAP, CAPTION = 1.9, 1.5, 0.1, 0.24
LEFT, RIGHT, TOP, BOTTOM = 0.62, 0.75, 0.6, 0.42
BAR, BAR_INSET = 0.1, 0.1


def cross_section(path: Path, view: View, row: int | None = None) -> None:
    """Draw the section along a grid row (default: the middle one) to the PNG `path`.

    Upper row: temperature less the truth's mean over the section at each level, of the coarse
    field, every estimate and the truth; lower row: the errors with their RMSE over the section.
    Where no truth is known, the coarse field takes its place.
    The height is ln p; columns are longitudes on a regular grid, else numbers.
    """
    row = view.case.shape[1] // 2 if row is None else row
    estimates = view.estimates
    fields = {"coarse input": view.coarse, **estimates, **view.truth}
    against, reference = view.reference
    true = reference[:, row]
    mean = _level_means(true)
    departures = {name: field[:, row] - mean for name, field in fields.items()}
    errors = {name: field[:, row] - true for name, field in estimates.items()}
    size = (LEFT + len(fields) * (FRAME + GAP) + RIGHT, TOP + 2 * (CAPTION + HEIGHT + GAP) + BOTTOM)
    figure = Figure(figsize=size)
    scale = error_scale([departures[against]])
    _draw_row(figure, view, list(fields), departures, scale, TOP + CAPTION)
    below = TOP + 2 * CAPTION + HEIGHT + GAP
    scale = error_scale(errors.values())
    _draw_row(figure, view, list(fields), errors, scale, below, view.departure)
    about = (
        f"temperature along {_row_name(view, row)}, less the mean of the {against} at each level"
    )
    add_title(figure, LEFT, view.title, f"{view.moment}; {about}{view.ground}")
    save_png(figure, path)


def edges(centres: np.ndarray) -> np.ndarray:
    """Bounds of cells about their centres (n,): (n + 1,), halfway between, the ends mirrored."""
    if len(centres) == 1:
        return np.array([centres[0] - 0.5, centres[0] + 0.5])
    middle = (centres[1:] + centres[:-1]) / 2
    return np.array([2 * centres[0] - middle[0], *middle, 2 * centres[-1] - middle[-1]])


def _level_means(section: np.ndarray) -> np.ndarray:
    """(Z, 1) of (Z, W); 0 where a level has no value."""
    counted = (~np.isnan(section)).sum(axis=1, keepdims=True)
    return np.nansum(section, axis=1, keepdims=True) / np.maximum(counted, 1)


def _draw_row(
    figure: Figure,
    view: View,
    columns: list[str],
    panels: dict[str, np.ndarray],
    scale: Scale,
    top: float,
    kind: str = "departure",
) -> None:
    """The panels in their columns, then the key; the leftmost panel carries the level names."""
    for name, values in panels.items():
        axes = place(figure, LEFT + columns.index(name) * (FRAME + GAP), top, FRAME, HEIGHT)
        _section(axes, view, values, scale)
        against = kind == view.departure
        _label(axes, view, first=name == next(iter(panels)), last=against)
        error = f"{'RMSE' if view.truth else 'rms'} {root_mean_square(values):.3f} K"
        axes.set_title(error if against else name, fontsize=8, pad=3)
    left = figure.get_size_inches()[0] - RIGHT + 0.04
    bar = place(figure, left, top + BAR_INSET / 2, BAR, HEIGHT - BAR_INSET)
    add_bar(figure, bar, scale, f"{kind} (K)")


def _section(axes: Axes, view: View, values: np.ndarray, scale: Scale) -> None:
    x, height = edges(_columns(view)[0]), edges(-np.log(view.levels_hpa))
    axes.pcolormesh(x, height, values, cmap=scale.colours, norm=scale.norm, shading="flat")
    mark_levels(axes, view.levels_hpa)
    axes.set_facecolor(MISSING)
    axes.tick_params(labelsize=7, length=2)
    axes.spines[:].set_linewidth(0.4)


def _label(axes: Axes, view: View, first: bool, last: bool) -> None:
    axes.tick_params(labelleft=first, labelbottom=last)
    if first:
        axes.set_ylabel("pressure (hPa)", fontsize=8, color="#222222")
    if last:
        axes.set_xlabel(_columns(view)[1], fontsize=8, color="#222222")


def _columns(view: View) -> tuple[np.ndarray, str]:
    x = view.case.coordinates.x
    if view.case.coordinates.is_regular:
        return x.values, "longitude (°)"
    return np.arange(len(x.values)), "grid column"


def _row_name(view: View, row: int) -> str:
    where = view.case.coordinates
    return f"latitude {where.y.values[row]:.2f}°" if where.is_regular else f"grid row {row}"
