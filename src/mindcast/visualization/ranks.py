"""Rank histograms, one row of panels an ensemble."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from mindcast.visualization.curves import sheet, tidy
from mindcast.visualization.saving import save_png

PANEL = (2.5, 2.3)  # inches


def draw_ranks(
    path: Path,
    panels: Mapping[str, Mapping[str, Sequence[float]]],
    colours: Mapping[str, str],
) -> None:
    """How often the truth has each rank among the members, relative to flat, to the PNG `path`.

    panels: of each ensemble, by the name and the title of a panel, the shares of the ranks 0..M;
    equally many panels each. colours: of the ensembles.
    """
    columns = len(next(iter(panels.values())))
    size = (max(PANEL[0] * columns, 5.0), PANEL[1] * len(panels) + 0.7)
    figure, cells = sheet(len(panels), columns, "Rank of the truth among the members", size)
    for line, (name, of) in zip(cells, panels.items(), strict=True):
        for axes, (title, shares) in zip(line, of.items(), strict=True):
            heights = np.array(shares, np.float64) * len(shares)
            axes.bar(np.arange(len(shares)), heights, width=0.9, color=colours[name])
            axes.axhline(1, color="black", linewidth=1.2)
            axes.set_ylim(bottom=0)
            tidy(axes, title)
            axes.set_xlabel("rank", fontsize=8)
        line[0].set_ylabel(f"{name}\nfrequency × (M + 1)", fontsize=8)
    save_png(figure, path)
