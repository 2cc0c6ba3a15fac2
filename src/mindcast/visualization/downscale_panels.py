"""One downscaled case on one sheet: for each level what was given, what was made of it, truth."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from mindcast.visualization.downscale_case import DownscaleCase, root_mean_square
from mindcast.visualization.levels import spread_out
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


def downscale_panel(
    path: Path, case: DownscaleCase, levels: Sequence[int] = (), label: str = ""
) -> None:
    """Draw a case to the PNG `path`.

    Two rows a level. Upper: the coarse field, bicubic, deterministic (if the case has it), member
    0, the mean of all (or the one forecast), truth. Lower, each below its field: the errors, with
    their RMSE on this level, and below the truth the spread of the members. levels: indices, by
    default at most three, evenly spread; `label` follows the method in the title.
    """
    chosen = list(levels) or spread_out(len(case.levels_hpa), 3)
    fields = {"coarse input": case.coarse, **case.estimates, "truth": case.true}
    _, height, width, _ = case.truth.shape
    tall = FRAME * float(np.clip(height / width, FLATTEST, TALLEST))
    block = 2 * tall + CAPTION + GAP + BETWEEN
    size = (
        LEFT + len(fields) * (FRAME + GAP) + RIGHT,
        TOP + CAPTION + len(chosen) * block + BOTTOM,
    )
    figure = Figure(figsize=size)
    for k, level in enumerate(chosen):
        _draw_level(figure, case, fields, level, TOP + CAPTION + k * block, tall, titled=k == 0)
    name = case.method + (f", {label}" if label else "")
    coarse = "×".join(str(side) for side in case.temperature_lr.shape[1:3])
    about = f"temperature, {coarse} to {height}×{width} points (factor {case.factor})"
    add_title(figure, LEFT, name, "; ".join(filter(None, (case.moment, about))))
    save_png(figure, path)


def _draw_level(
    figure: Figure,
    case: DownscaleCase,
    fields: dict[str, np.ndarray],
    level: int,
    top: float,
    tall: float,
    titled: bool,
) -> None:
    errors = {name: field[level] - case.true[level] for name, field in case.estimates.items()}
    temperature = temperature_scale(case.true[level])
    error = error_scale(errors.values())
    below = top + tall + CAPTION + GAP
    bars = [(top, temperature, "T (K)")], [(below, error, "error (K)")]
    for k, (name, field) in enumerate(fields.items()):
        left = LEFT + k * (FRAME + GAP)
        title = name if titled else ""
        label = case.level_name(level) if k == 0 else ""
        _map(figure, case, field[level], temperature, (left, top, tall), title, label)
        if name in errors:
            title = f"RMSE {root_mean_square(errors[name]):.3f} K"
            _map(figure, case, errors[name], error, (left, below, tall), title)
        elif name == "truth" and case.spread is not None:
            spread = spread_scale(case.spread[level])
            title = f"spread {root_mean_square(case.spread[level]):.3f} K"
            _map(figure, case, case.spread[level], spread, (left, below, tall), title)
            bars[1].append((below, spread, "spread (K)"))
    for row in bars:
        for k, (place_top, scale, label) in enumerate(row):
            left = figure.get_size_inches()[0] - RIGHT + 0.06 + k * BAR_STEP
            axes = place(figure, left, place_top + BAR_INSET / 2, BAR, tall - BAR_INSET)
            add_bar(figure, axes, scale, label)


def _map(
    figure: Figure,
    case: DownscaleCase,
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
        origin=case.origin,
    )
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_linewidth(0.4)
    axes.set_title(title, pad=3, **TEXT)
    axes.set_ylabel(label, labelpad=5, fontsize=9, color="#222222")
