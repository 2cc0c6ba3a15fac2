"""Scores against lead time, one line a row of the report."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mindcast.visualization.curves import Result, line_styles, save_with_legend, sheet, tidy

PANEL, COLUMNS = (2.6, 2.1), 4  # inches
ERRORS = {
    "mae_physical": "MAE",
    "crps_physical": "CRPS",
    "mse_physical": "MSE",
    "ssim": "SSIM",
}
HIGHEST_BIAS = 3.0
MOST_MARKED = 10  # lead times
Series = dict[str, Sequence[float]]  # row name -> value per lead time


def csi_curves(path: Path, result: Result, baselines: Sequence[str], pool: int = 1) -> None:
    """CSI by lead time to the PNG `path`: one panel a threshold and one for their mean.

    `pool` is one of the pools of the result.
    """
    panels = {"mean over thresholds": series(result, "csi", None, pool)}
    for threshold in result["thresholds"]:
        panels[f"threshold {threshold:g}"] = series(result, "csi", threshold, pool)
    title = "CSI" if pool == 1 else f"CSI after block maximum over {pool} × {pool} pixels"
    _draw(path, panels, result, baselines, title)


def error_curves(path: Path, result: Result, baselines: Sequence[str]) -> None:
    """MAE, CRPS, MSE (physical values) and SSIM by lead time to the PNG `path`."""
    panels = {
        title: {name: row["scores"][score]["per_lead"] for name, row in result["rows"].items()}
        for score, title in ERRORS.items()
    }
    _draw(path, panels, result, baselines, "Errors (physical values) and SSIM")


def bias_curves(path: Path, result: Result, baselines: Sequence[str]) -> None:
    """Frequency bias by lead time to the PNG `path`, a panel a threshold, up to HIGHEST_BIAS.

    The result must have pool 1.
    """
    panels = {
        f"threshold {threshold:g}": series(result, "frequency_bias", threshold, 1)
        for threshold in result["thresholds"]
    }
    title = "Frequency bias: events forecast per event observed"
    _draw(path, panels, result, baselines, title, top=HIGHEST_BIAS)


def point_marker(result: Result) -> str:
    """What marks each lead time on a line; nothing where they are so many that dashes drown."""
    return "o" if len(result["lead_minutes"]) <= MOST_MARKED else ""


def series(
    result: Result,
    score: str,
    threshold: float | None,
    pool: int | None = None,
    of: str = "per_lead",
    scale: int | None = None,
) -> dict[str, Any]:
    """What every row has of a score: its values by lead time, or with of="overall" one number."""
    wanted = (score, threshold, pool, scale)
    keys = ("score", "threshold", "pool", "scale")
    return {
        name: next(e[of] for e in row["scores"].values() if tuple(e[k] for k in keys) == wanted)
        for name, row in result["rows"].items()
    }


def _draw(
    path: Path,
    panels: dict[str, Series],
    result: Result,
    baselines: Sequence[str],
    title: str,
    top: float | None = None,
) -> None:
    """top: where a panel ends at the latest, of scores whose best is 1; None for all values."""
    rows = -(-len(panels) // COLUMNS)
    size = (PANEL[0] * COLUMNS, PANEL[1] * rows + 0.6)
    figure, lines = sheet(rows, COLUMNS, title, size, sharex=True)
    cells, marker = list(itertools.chain(*lines)), point_marker(result)
    styles = line_styles(result, baselines)
    for axes, (name, series) in zip(cells, panels.items(), strict=False):
        for row, values in series.items():
            heights = np.asarray(values, np.float64)
            axes.plot(result["lead_minutes"], heights, label=row, marker=marker, **styles[row])
        if top is not None:
            axes.axhline(1, color="black", linewidth=0.8, zorder=0)
            axes.set_ylim(top=min(top, axes.get_ylim()[1]))
        axes.set_ylim(bottom=0)
        tidy(axes, name)
    for axes in cells[len(panels) :]:
        axes.set_axis_off()
    for axes in cells[: len(panels)][-COLUMNS:]:
        axes.set_xlabel("lead time (min)", fontsize=8)
        axes.xaxis.set_tick_params(labelbottom=True)
    save_with_legend(figure, cells[0], path, columns=5)
