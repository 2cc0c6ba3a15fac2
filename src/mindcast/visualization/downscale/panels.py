"""One downscaled case on one sheet: for each level coarse input, estimates, truth and errors."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from mindcast.visualization.downscale.levels import spread_out
from mindcast.visualization.downscale.view import View, root_mean_square
from mindcast.visualization.saving import save_png
from mindcast.visualization.scales import (
    Scale,
    add_bar,
    error_scale,
    spread_scale,
    temperature_scale,
)
from mindcast.visualization.sheet import add_title, place

# layout in inches
FRAME, GAP, CAPTION, BETWEEN = 1.55, 0.08, 0.2, 0.16
LEFT, RIGHT, TOP, BOTTOM = 0.42, 1.35, 0.6, 0.12
BAR, BAR_STEP, BAR_INSET = 0.1, 0.62, 0.1
FLATTEST, TALLEST = 0.45, 1.6  # height of a map over its width
TEXT: dict[str, Any] = {"fontsize": 8, "color": "#222222"}


def downscale_panel(path: Path, view: View, levels: Sequence[int] = ()) -> None:
    """Draw the estimates of a method to the PNG `path`.

    Two rows a level. Upper: the coarse field, bicubic, deterministic (if the case has it), member
    0 and, of several, their mean (or the one forecast), truth. Lower, each below its field: the
    errors, with their RMSE on this level, and below the truth the spread of several members. Where
    no truth is known, the differences to the coarse field, below which the spread is.
    levels: indices, by default at most three, evenly spread.
    """
    chosen = list(levels) or spread_out(len(view.levels_hpa), 3)
    fields = {"coarse input": view.coarse, **view.estimates, **view.truth}
    height, width = view.case.shape[1:3]
    tall = FRAME * float(np.clip(height / width, FLATTEST, TALLEST))
    block = 2 * tall + CAPTION + GAP + BETWEEN
    size = (
        LEFT + len(fields) * (FRAME + GAP) + RIGHT,
        TOP + CAPTION + len(chosen) * block + BOTTOM,
    )
    figure = Figure(figsize=size)
    for k, level in enumerate(chosen):
        _draw_level(figure, view, fields, level, TOP + CAPTION + k * block, tall, titled=k == 0)
    coarse = "×".join(map(str, view.coarse_size))
    about = f"temperature, {coarse} to {height}×{width} points (factor {view.case.factor})"
    about += view.ground
    add_title(figure, LEFT, view.title, f"{view.moment}; {about}")
    save_png(figure, path)


def _draw_level(
    figure: Figure,
    view: View,
    fields: dict[str, np.ndarray],
    level: int,
    top: float,
    tall: float,
    titled: bool,
) -> None:
    (against, reference), spread = view.reference, view.spread
    errors = {name: field[level] - reference[level] for name, field in view.estimates.items()}
    temperature, error = temperature_scale(reference[level]), error_scale(errors.values())
    below = top + tall + CAPTION + GAP
    bars = [(0, top, temperature, "T (K)"), (0, below, error, f"{view.departure} (K)")]
    root = "RMSE" if view.truth else "rms"
    for k, (name, field) in enumerate(fields.items()):
        left = LEFT + k * (FRAME + GAP)
        title = name if titled else ""
        label = f"{view.levels_hpa[level]:g} hPa" if k == 0 else ""
        _map(figure, view, field[level], temperature, (left, top, tall), title, label)
        if name in errors:
            title = f"{root} {root_mean_square(errors[name]):.3f} K"
            _map(figure, view, errors[name], error, (left, below, tall), title)
        elif name == against and spread is not None:
            scale = spread_scale(spread[level])
            title = f"spread {root_mean_square(spread[level]):.3f} K"
            _map(figure, view, spread[level], scale, (left, below, tall), title)
            bars.append((1, below, scale, "spread (K)"))
    for column, row_top, scale, label in bars:
        left = figure.get_size_inches()[0] - RIGHT + 0.06 + column * BAR_STEP
        axes = place(figure, left, row_top + BAR_INSET / 2, BAR, tall - BAR_INSET)
        add_bar(figure, axes, scale, label)


def _map(
    figure: Figure,
    view: View,
    values: np.ndarray,
    scale: Scale,
    where: tuple[float, float, float],
    title: str = "",
    label: str = "",
) -> None:
    left, top, tall = where
    axes = place(figure, left, top, FRAME, tall)
    axes.imshow(
        values,
        cmap=scale.colours,
        norm=scale.norm,
        interpolation="nearest",
        aspect="auto",
        origin=view.origin,
    )
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_linewidth(0.4)
    axes.set_title(title, pad=3, **TEXT)
    axes.set_ylabel(label, labelpad=5, fontsize=9, color="#222222")
