"""What the ensembles of a report know: spread, reliability of probabilities, ranks of the truth.

Each function draws nothing and gives False where no row is an ensemble.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from mindcast.visualization.curves import Result, line_styles, save_with_legend, sheet, tidy
from mindcast.visualization.nowcast.curves import point_marker
from mindcast.visualization.nowcast.thresholds import pairs
from mindcast.visualization.ranks import draw_ranks

SPREAD = (3.6, 2.4)  # inches
LEADS = 3  # of the rank histograms, at most
RAREST = 1e-5  # share of pixels
PERFECT: dict[str, Any] = {"color": "black", "linewidth": 1.0}


def spread_curves(path: Path, result: Result, baselines: Sequence[str]) -> bool:
    """Spread beside the RMSE of the mean (physical values), and their ratio, by lead time."""
    rows = {name: row for name, row in _ensembles(result).items() if row["members"] > 1}
    if not rows:
        return False
    figure, ((both, quotient),) = sheet(1, 2, "Spread and error", (2 * SPREAD[0], SPREAD[1] + 0.7))
    minutes, styles = result["lead_minutes"], line_styles(result, baselines)
    for name, row in rows.items():
        style = {**styles[name], "marker": point_marker(result)}
        squares = np.array(row["scores"]["mse_physical"]["per_lead"], np.float64)
        spread = np.array(row["scores"]["spread"]["per_lead"], np.float64) * result["value_scale"]
        both.plot(minutes, np.sqrt(squares), label=f"{name}: RMSE of the mean", **style)
        both.plot(minutes, spread, label=f"{name}: spread", **{**style, "linestyle": ":"})
        ratios = np.array(row["scores"]["spread_skill"]["per_lead"], np.float64)
        quotient.plot(minutes, ratios, **style)
    quotient.axhline(1, **PERFECT)
    for axes, title in ((both, "spread and RMSE"), (quotient, "spread/skill, 1 is reliable")):
        axes.set_ylim(bottom=0)
        axes.set_xlabel("lead time (min)", fontsize=8)
        tidy(axes, title)
    save_with_legend(figure, both, path, columns=2)
    return True


def reliability_diagrams(path: Path, result: Result, baselines: Sequence[str]) -> bool:
    """Observed frequency by forecast probability, and how often each was forecast, by threshold."""
    rows = _ensembles(result)
    if not rows:
        return False
    title = "Probability to reach a threshold: reliability, and how often it was forecast"
    labels = ("observed frequency", "share of pixels")
    figure, cells = pairs(result["thresholds"], title, labels, (1, 0.5))
    styles = line_styles(result, baselines)
    for k, (threshold, (above, below)) in enumerate(zip(result["thresholds"], cells, strict=True)):
        for name, row in rows.items():
            _reliability(above, below, row["reliability"][k], name, styles[name])
        _finish(above, below, f"threshold {threshold:g}")
    save_with_legend(figure, cells[0][0], path, columns=3)
    return True


def rank_histograms(path: Path, result: Result, baselines: Sequence[str]) -> bool:
    """Ranks of the truth over all lead times, at the first, a middle and the last one."""
    rows, minutes = _ensembles(result), result["lead_minutes"]
    if not rows:
        return False
    chosen = np.unique(np.linspace(0, len(minutes) - 1, min(LEADS, len(minutes))).astype(int))
    panels = {
        name: {
            "all lead times": row["ranks"]["overall"],
            **{f"+{minutes[lead]} min": row["ranks"]["per_lead"][lead] for lead in chosen},
        }
        for name, row in rows.items()
    }
    styles = line_styles(result, baselines)
    draw_ranks(path, panels, {name: styles[name]["color"] for name in rows})
    return True


def _ensembles(result: Result) -> dict[str, Any]:
    return {name: row for name, row in result["rows"].items() if row["ranks"] is not None}


def _reliability(above: Axes, below: Axes, of: Any, name: str, style: dict[str, Any]) -> None:
    """One ensemble at one threshold: the diagram, and below it how sharp the forecasts are."""
    probability, pixels = np.array(of["probability"]), np.array(of["pixels"], np.float64)
    observed = np.array(of["observed"], np.float64)
    known = pixels > 0
    above.plot(probability[known], observed[known], label=name, marker="o", **style)
    below.plot(
        probability[known], pixels[known] / pixels.sum(), marker="o", **{**style, "linewidth": 0.8}
    )
    if known.any():
        rate = np.nansum(observed * pixels) / pixels.sum()
        above.axhline(rate, color="#AAAAAA", linewidth=0.8, linestyle="--", zorder=0)


def _finish(above: Axes, below: Axes, title: str) -> None:
    above.plot((0, 1), (0, 1), zorder=0, **PERFECT)
    above.set(xlim=(-0.03, 1.03), ylim=(-0.03, 1.03))
    below.set(xlim=(-0.03, 1.03), yscale="log", ylim=(RAREST, 2))
    below.set_xlabel("forecast probability", fontsize=8)
    tidy(above, title)
    tidy(below)
