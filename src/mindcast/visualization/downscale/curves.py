"""Scores of a downscaling as curves: by level, by wavenumber, by rank."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mindcast.visualization.curves import Result, line_styles, save_with_legend, sheet, tidy
from mindcast.visualization.downscale.levels import mark_levels, spread_out
from mindcast.visualization.ranks import draw_ranks

PANEL, PROFILE = (2.5, 2.3), (2.5, 3.0)  # inches
TRUTH: dict[str, Any] = {"color": "black", "linewidth": 1.2}
# score -> title; in the profiles
PROFILES = {"rmse": "RMSE (K)", "bias": "bias (K)", "skill": "skill", "crps": "CRPS (K)"}


def level_profiles(path: Path, result: Result, baselines: Sequence[str]) -> None:
    """RMSE, bias, skill and CRPS by level to the PNG `path`, pressure upwards as ln p."""
    figure, (cells,) = _sheet(1, len(PROFILES), "Errors by level", PROFILE)
    levels, styles = np.array(result["levels_hpa"]), line_styles(result, baselines)
    for axes, (score, title) in zip(cells, PROFILES.items(), strict=True):
        for name, row in result["rows"].items():
            values = np.array(row["scores"][score]["values"], np.float64)
            axes.plot(values, -np.log(levels), label=name, marker="o", **styles[name])
        mark_levels(axes, levels)
        if score in ("bias", "skill"):
            axes.axvline(0, color="#AAAAAA", linewidth=0.8, zorder=0)
        else:
            axes.set_xlim(left=0)
        tidy(axes, title)
    cells[0].set_ylabel("pressure (hPa)", fontsize=8)
    save_with_legend(figure, cells[0], path, columns=4)


def spectrum_curves(path: Path, result: Result, baselines: Sequence[str], most: int = 4) -> None:
    """Power by wavenumber, and its ratio to the truth's, for at most `most` levels, to a PNG."""
    chosen = spread_out(len(result["levels_hpa"]), most)
    first = next(iter(result["rows"].values()))["spectrum"]
    size = "×".join(str(side) for side in first["size"])
    title = f"Power spectra (fields of {size} points, cases: {first['cases']})"
    figure, (powers, shares) = _sheet(2, len(chosen), title, PANEL)
    styles = line_styles(result, baselines)
    for level, power, share in zip(chosen, powers, shares, strict=True):
        for name, row in result["rows"].items():
            waves, style = row["spectrum"]["wavenumber"], {**styles[name], "markersize": 0}
            power.loglog(waves, _drawable(row["spectrum"]["power"][level]), label=name, **style)
            share.loglog(waves, _drawable(row["spectrum"]["ratio"][level]), **style)
        # the truth's once: every row was held against the same cases
        power.loglog(first["wavenumber"], _drawable(first["truth"][level]), label="truth", **TRUTH)
        share.axhline(1, **TRUTH)
        share.set_xlabel("wavenumber", fontsize=8)
        tidy(power, f"{result['axes']['level'][level]} hPa")
        tidy(share)
    powers[0].set_ylabel("power (K²)", fontsize=8)
    shares[0].set_ylabel("ratio to truth", fontsize=8)
    save_with_legend(figure, powers[0], path, columns=4)


def rank_histograms(path: Path, result: Result, baselines: Sequence[str], most: int = 4) -> bool:
    """How often the truth has each rank among the members, per level, relative to flat, to a PNG.

    Gives False and draws nothing where no row is an ensemble.
    """
    rows = {name: row for name, row in result["rows"].items() if row["ranks"] is not None}
    if not rows:
        return False
    chosen = spread_out(len(result["levels_hpa"]), most)
    names, styles = result["axes"]["level"], line_styles(result, baselines)
    panels = {
        name: {f"{names[level]} hPa": row["ranks"][level] for level in chosen}
        for name, row in rows.items()
    }
    draw_ranks(path, panels, {name: styles[name]["color"] for name in rows})
    return True


def _sheet(
    rows: int, columns: int, title: str, panel: tuple[float, float]
) -> tuple[Figure, list[list[Axes]]]:
    size = (max(panel[0] * columns, 5.0), panel[1] * rows + 0.7)
    return sheet(rows, columns, title, size)


def _drawable(values: list[float]) -> np.ndarray:
    """Without what a logarithm cannot show."""
    array = np.array(values, np.float64)
    return np.where(array > 0, array, np.nan)
