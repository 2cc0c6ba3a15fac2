"""A sheet with two panels for each threshold, one above the other."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mindcast.visualization.curves import sheet

PANEL, COLUMNS = (2.6, 2.4), 4  # inches
Pair = tuple[Axes, Axes]


def pairs(
    thresholds: Sequence[float], title: str, labels: tuple[str, str], heights: tuple[float, float]
) -> tuple[Figure, list[Pair]]:
    """The figure and, for each threshold, its upper and its lower axes.

    labels: of the two y axes, at the left of each row. heights: of the upper and the lower panel,
    as parts of PANEL's.
    """
    lines, columns = -(-len(thresholds) // COLUMNS), min(COLUMNS, len(thresholds))
    size = (max(PANEL[0] * columns, 5.0), PANEL[1] * sum(heights) * lines + 0.7)
    figure, cells = sheet(2 * lines, columns, title, size, heights=heights * lines)
    for number, row in enumerate(cells):
        row[0].set_ylabel(labels[number % 2], fontsize=8)
    found = [
        (above, below)
        for line in range(lines)
        for above, below in zip(cells[2 * line], cells[2 * line + 1], strict=True)
    ]
    for pair in found[len(thresholds) :]:
        for axes in pair:
            axes.set_axis_off()
    return figure, found[: len(thresholds)]
