"""Scores against lead time, one line a row of the report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mindcast.visualization.colours import BASELINE_LINE, LINES
from mindcast.visualization.saving import save_png

Result = Mapping[str, Any]  # {"lead_minutes", "rows": {name: {"scores": {...}}}}, see the report
BASELINES = ("persistence",)
PANEL, COLUMNS = (2.6, 2.1), 4  # inches
MARKED: dict[str, Any] = {"linewidth": 1.6, "marker": "o", "markersize": 3}
ERRORS = {
    "mae_physical": "MAE",
    "crps_physical": "CRPS",
    "mse_physical": "MSE",
    "ssim": "SSIM",
}


def csi_curves(path: Path, result: Result, pool: int = 1) -> None:
    """CSI by lead time to the PNG `path`: one panel a threshold and one for their mean.

    `pool` is one of the pools of the result.
    """
    panels: dict[str, Series] = {"mean over thresholds": _csi(result, None, pool)}
    for threshold in result["thresholds"]:
        panels[f"threshold {threshold:g}"] = _csi(result, threshold, pool)
    title = "CSI" if pool == 1 else f"CSI after block maximum over {pool} × {pool} pixels"
    _draw(path, panels, result, title)


def error_curves(path: Path, result: Result) -> None:
    """MAE, CRPS, MSE (physical values) and SSIM by lead time to the PNG `path`."""
    panels = {title: _series(result, score) for score, title in ERRORS.items()}
    _draw(path, panels, result, "Errors (physical values) and SSIM")


Series = dict[str, Sequence[float]]  # row name -> value per lead time


def _series(result: Result, score: str) -> Series:
    return {name: row["scores"][score]["per_lead"] for name, row in result["rows"].items()}


def _csi(result: Result, threshold: float | None, pool: int) -> Series:
    wanted = ("csi", threshold, pool)
    return {
        name: next(
            entry["per_lead"]
            for entry in row["scores"].values()
            if (entry["score"], entry["threshold"], entry["pool"]) == wanted
        )
        for name, row in result["rows"].items()
    }


def _styles(result: Result) -> dict[str, dict[str, Any]]:
    """Colour by method, baselines grey; single members of an ensemble dotted."""
    methods = dict.fromkeys(row["method"] for row in result["rows"].values())
    learned = [method for method in methods if method not in BASELINES]
    colours = {method: LINES[k % len(LINES)] for k, method in enumerate(learned)}
    return {
        name: {
            "color": colours.get(row["method"], BASELINE_LINE),
            "linestyle": "--"
            if row["method"] in BASELINES
            else ":"
            if row["field"] == "member 0"
            else "-",
        }
        for name, row in result["rows"].items()
    }


def _draw(path: Path, panels: dict[str, Series], result: Result, title: str) -> None:
    rows = -(-len(panels) // COLUMNS)
    size = (PANEL[0] * COLUMNS, PANEL[1] * rows + 0.6)
    figure = Figure(figsize=size, layout="constrained")
    figure.suptitle(title, x=0.01, ha="left", fontsize=10.5, weight="bold")
    cells: list[Axes] = list(figure.subplots(rows, COLUMNS, squeeze=False, sharex=True).flat)
    styles = _styles(result)
    for axes, (name, series) in zip(cells, panels.items(), strict=False):
        axes.set_title(name, fontsize=9, pad=3)
        for row, values in series.items():
            heights = np.asarray(values, np.float64)
            axes.plot(result["lead_minutes"], heights, label=row, **styles[row], **MARKED)
        _tidy(axes)
    for axes in cells[len(panels) :]:
        axes.set_axis_off()
    for axes in cells[: len(panels)][-COLUMNS:]:
        axes.set_xlabel("lead time (min)", fontsize=8)
        axes.xaxis.set_tick_params(labelbottom=True)
    lines, names = cells[0].get_legend_handles_labels()
    figure.legend(lines, names, loc="outside lower left", ncols=5, frameon=False, fontsize=8)
    save_png(figure, path)


def _tidy(axes: Axes) -> None:
    axes.set_ylim(bottom=0)
    axes.tick_params(labelsize=7.5, length=2)
    axes.grid(color="#DDDDDD", linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)
