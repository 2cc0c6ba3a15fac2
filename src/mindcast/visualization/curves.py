"""What the curves of all tasks share: how rows of a report look, sheets of axes, legends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mindcast.visualization.colours import BASELINE_LINES, LINES
from mindcast.visualization.saving import save_png

Result = Mapping[str, Any]  # what `result` of a suite returns, see the report
# none is dotted, as single members are
Dashes = str | tuple[int, tuple[int, ...]]
BASELINE_DASHES: tuple[Dashes, ...] = ("--", "-.", (0, (6, 2, 1, 2, 1, 2)), (0, (10, 3)))
# by the field of the row
OF_ENSEMBLE: dict[str, Dashes] = {"probability-matched mean": (0, (2, 1)), "member 0": ":"}


def line_styles(result: Result, baselines: Sequence[str]) -> dict[str, dict[str, Any]]:
    """How the line of each row is drawn.

    Colour by method, baselines in greys and dashed; of an ensemble, the probability-matched mean
    has short dashes and the single member is dotted.
    """
    rows = result["rows"]
    methods = dict.fromkeys(row["method"] for row in rows.values())
    learned = [method for method in methods if method not in baselines]
    looks: dict[str, tuple[str, Dashes]] = {
        name: (LINES[k % len(LINES)], "-") for k, name in enumerate(learned)
    }
    for k, name in enumerate(baselines):
        colour = BASELINE_LINES[k % len(BASELINE_LINES)]
        looks[name] = (colour, BASELINE_DASHES[k % len(BASELINE_DASHES)])
    styles = {}
    for name, row in rows.items():
        colour, line = looks[row["method"]]
        line = OF_ENSEMBLE.get(row["field"], line)
        styles[name] = {"color": colour, "linestyle": line, "linewidth": 1.6, "markersize": 3}
    return styles


def sheet(
    rows: int,
    columns: int,
    title: str,
    size: tuple[float, float],
    sharex: bool = False,
    heights: Sequence[float] | None = None,
) -> tuple[Figure, list[list[Axes]]]:
    """A titled figure of `size` inches with rows of axes; `heights` of these in relation."""
    figure = Figure(figsize=size, layout="constrained")
    figure.suptitle(title, x=0.01, ha="left", fontsize=10.5, weight="bold")
    cells = figure.subplots(rows, columns, squeeze=False, sharex=sharex, height_ratios=heights)
    return figure, [list(row) for row in cells]


def tidy(axes: Axes, title: str = "") -> None:
    """A thin grid behind the curves, small numbers, no frame at the top and the right."""
    axes.set_title(title, fontsize=9, pad=3)
    axes.tick_params(labelsize=7.5, length=2)
    axes.grid(color="#DDDDDD", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def save_with_legend(figure: Figure, first: Axes, path: Path, columns: int) -> None:
    """Write the figure as a PNG; the lines of the first axes are named below."""
    lines, names = first.get_legend_handles_labels()
    figure.legend(lines, names, loc="outside lower left", ncols=columns, frameon=False, fontsize=8)
    save_png(figure, path)
