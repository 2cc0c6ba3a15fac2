"""How well forecasts tell events from others: ROC curves and the area below them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mindcast.visualization.curves import Result, line_styles, save_with_legend, tidy
from mindcast.visualization.nowcast.curves import point_marker, series
from mindcast.visualization.nowcast.thresholds import pairs

CHANCE: dict[str, Any] = {"color": "black", "linewidth": 1.0, "zorder": 0}
OUTCOMES = ("hits", "misses", "false_alarms", "correct_negatives")


def roc_curves(path: Path, result: Result, baselines: Sequence[str]) -> bool:
    """Hit rate by false alarm rate of ensembles, a cross a single forecast, and the areas below by
    lead time, to the PNG `path`; a pair of panels a threshold.

    Draws nothing and gives False where no row is an ensemble.
    """
    ensembles = {n: row for n, row in result["rows"].items() if row["reliability"] is not None}
    if not ensembles:
        return False
    title = "ROC: events found against false alarms, and the area below each curve by lead time"
    figure, cells = pairs(result["thresholds"], title, ("hit rate", "ROC area"), (1, 0.75))
    styles, minutes = line_styles(result, baselines), result["lead_minutes"]
    for k, (threshold, (curve, area)) in enumerate(zip(result["thresholds"], cells, strict=True)):
        for name, row in ensembles.items():
            of = row["reliability"][k]
            rates = (np.array(of[key], np.float64) for key in ("false_alarm_rate", "hit_rate"))
            curve.plot(*rates, label=name, marker="o", **styles[name])
        points = _points(result, threshold)
        for name in points.keys() - ensembles.keys():
            look = {"color": styles[name]["color"], "linestyle": "", "markersize": 5}
            curve.plot(*points[name], marker="x", **look)
        for name, values in series(result, "roc_area", threshold).items():
            heights = np.asarray(values, np.float64)
            area.plot(minutes, heights, label=name, marker=point_marker(result), **styles[name])
        curve.plot((0, 1), (0, 1), **CHANCE)
        curve.set(xlim=(-0.03, 1.03), ylim=(-0.03, 1.03))
        curve.set_xlabel("false alarm rate", fontsize=8)
        area.axhline(0.5, **CHANCE)
        area.set_ylim(0.4, 1.03)
        area.set_xlabel("lead time (min)", fontsize=8)
        tidy(curve, f"threshold {threshold:g}")
        tidy(area)
    save_with_legend(figure, cells[0][1], path, columns=3)
    return True


def _points(result: Result, threshold: float) -> dict[str, tuple[float, float]]:
    """False alarm rate and hit rate of every row's field, if pixels as they are were counted."""
    if 1 not in result["pools"]:
        return {}
    hits, misses, alarms, others = (
        series(result, outcome, threshold, 1, "overall") for outcome in OUTCOMES
    )
    return {
        name: (_share(alarms[name], others[name]), _share(hits[name], misses[name]))
        for name in result["rows"]
    }


def _share(part: float, rest: float) -> float:
    return part / (part + rest) if part + rest else float("nan")
