"""Scores of a downscaling as curves: by level, by wavenumber, by rank."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mindcast.visualization.colours import BASELINE_LINE, LINES
from mindcast.visualization.levels import mark_levels, spread_out
from mindcast.visualization.saving import save_png

Result = Mapping[str, Any]  # what the suite's `result` returns, see the report
BASELINES = {"bicubic": "--", "bicubic-conservative": ":", "bilinear": "-."}
PANEL = (2.5, 2.3)  # inches
TRUTH: dict[str, Any] = {"color": "black", "linewidth": 1.2}
# score -> title; in the profiles
PROFILES = {"rmse": "RMSE (K)", "bias": "bias (K)", "skill": "skill", "crps": "CRPS (K)"}


def level_profiles(path: Path, result: Result) -> None:
    """RMSE, bias, skill and CRPS by level to the PNG `path`, pressure upwards as ln p."""
    figure, cells = _sheet(1, len(PROFILES), "Errors by level", (PANEL[0], 3.0))
    levels = np.array(result["levels_hpa"])
    for axes, (score, title) in zip(cells[0], PROFILES.items(), strict=True):
        for name, row in result["rows"].items():
            values = np.array(row["scores"][score]["values"], np.float64)
            axes.plot(values, -np.log(levels), label=name, marker="o", **_style(result, name))
        mark_levels(axes, levels)
        axes.set_title(title, fontsize=9, pad=3)
        if score in ("bias", "skill"):
            axes.axvline(0, color="#AAAAAA", linewidth=0.8, zorder=0)
        else:
            axes.set_xlim(left=0)
        _tidy(axes)
    cells[0][0].set_ylabel("pressure (hPa)", fontsize=8)
    _finish(figure, cells[0][0], path)


def spectrum_curves(path: Path, result: Result, most: int = 4) -> None:
    """Power by wavenumber, and its ratio to the truth's, for at most `most` levels, to a PNG."""
    chosen = spread_out(len(result["levels_hpa"]), most)
    rows = list(result["rows"].values())
    size = "×".join(str(side) for side in rows[0]["spectrum"]["size"])
    title = f"Power spectra (fields of {size} points, cases: {rows[0]['spectrum']['cases']})"
    figure, cells = _sheet(2, len(chosen), title, PANEL)
    for k, level in enumerate(chosen):
        power, share = cells[0][k], cells[1][k]
        for name, row in result["rows"].items():
            spectrum, style = row["spectrum"], _style(result, name)
            style["markersize"] = 0
            power.loglog(
                spectrum["wavenumber"], _drawable(spectrum["power"][level]), label=name, **style
            )
            share.loglog(spectrum["wavenumber"], _drawable(spectrum["ratio"][level]), **style)
        _add_truth(power, result, level)
        share.axhline(1, **TRUTH)
        power.set_title(f"{result['axes']['level'][level]} hPa", fontsize=9, pad=3)
        share.set_xlabel("wavenumber", fontsize=8)
        for axes in (power, share):
            _tidy(axes)
    cells[0][0].set_ylabel("power (K²)", fontsize=8)
    cells[1][0].set_ylabel("ratio to truth", fontsize=8)
    _finish(figure, cells[0][0], path)


def rank_histograms(path: Path, result: Result, most: int = 4) -> bool:
    """How often the truth has each rank among the members, per level, relative to flat, to a PNG.

    Gives False and draws nothing where no row is an ensemble.
    """
    rows = {name: row for name, row in result["rows"].items() if row["ranks"] is not None}
    if not rows:
        return False
    chosen = spread_out(len(result["levels_hpa"]), most)
    figure, cells = _sheet(len(rows), len(chosen), "Rank of the truth among the members", PANEL)
    for line, (name, row) in zip(cells, rows.items(), strict=True):
        for axes, level in zip(line, chosen, strict=True):
            shares = np.array(row["ranks"][level], np.float64)
            colour = _style(result, name)["color"]
            axes.bar(np.arange(len(shares)), shares * len(shares), width=0.9, color=colour)
            axes.axhline(1, **TRUTH)
            axes.set_title(f"{result['axes']['level'][level]} hPa", fontsize=9, pad=3)
            axes.set_ylim(bottom=0)
            _tidy(axes)
            axes.set_xlabel("rank", fontsize=8)
        line[0].set_ylabel(f"{name}\nfrequency × (M + 1)", fontsize=8)
    save_png(figure, path)
    return True


def _sheet(
    rows: int, columns: int, title: str, panel: tuple[float, float]
) -> tuple[Figure, list[list[Axes]]]:
    size = (max(panel[0] * columns, 5.0), panel[1] * rows + 0.7)
    figure = Figure(figsize=size, layout="constrained")
    figure.suptitle(title, x=0.01, ha="left", fontsize=10.5, weight="bold")
    return figure, [list(row) for row in figure.subplots(rows, columns, squeeze=False)]


def _style(result: Result, name: str) -> dict[str, Any]:
    """Colour by method, baselines grey; single members of an ensemble dotted."""
    methods = dict.fromkeys(row["method"] for row in result["rows"].values())
    learned = [method for method in methods if method not in BASELINES]
    row = result["rows"][name]
    style: dict[str, Any] = {"linewidth": 1.6, "markersize": 3}
    if row["method"] in BASELINES:
        return {"color": BASELINE_LINE, "linestyle": BASELINES[row["method"]], **style}
    colour = LINES[learned.index(row["method"]) % len(LINES)]
    return {"color": colour, "linestyle": ":" if row["field"] == "member 0" else "-", **style}


def _add_truth(axes: Axes, result: Result, level: int) -> None:
    """The truth's spectrum, once: every row was held against the same cases."""
    for row in list(result["rows"].values())[:1]:
        wavenumbers, power = row["spectrum"]["wavenumber"], row["spectrum"]["truth"][level]
        axes.loglog(wavenumbers, _drawable(power), label="truth", **TRUTH)


def _drawable(values: list[float]) -> np.ndarray:
    """Without what a logarithm cannot show."""
    array = np.array(values, np.float64)
    return np.where(array > 0, array, np.nan)


def _finish(figure: Figure, first: Axes, path: Path) -> None:
    lines, names = first.get_legend_handles_labels()
    figure.legend(lines, names, loc="outside lower left", ncols=4, frameon=False, fontsize=8)
    save_png(figure, path)


def _tidy(axes: Axes) -> None:
    axes.tick_params(labelsize=7.5, length=2)
    axes.grid(color="#DDDDDD", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
