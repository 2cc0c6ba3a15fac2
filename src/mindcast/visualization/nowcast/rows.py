"""Rows of frames on one sheet, each kind of row with the key to its colours at the right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colorbar import Colorbar
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from mindcast.visualization.colours import RGB, Palette, fractions
from mindcast.visualization.nowcast.ground import NOWHERE, Edges, Ground
from mindcast.visualization.nowcast.stage import Panel
from mindcast.visualization.sheet import place

# layout in inches
FRAME, GAP, HEADING = 1.3, 0.06, 0.2
LONGEST_BAR, BAR_INSET = 3.6, 0.06
LEFT, RIGHT, TOP, BOTTOM = 0.42, 1.32, 0.56, 0.12
TEXT: dict[str, Any] = {"fontsize": 8, "color": "#222222"}


class Key(Protocol):
    """How the frames of a kind of row are coloured, and what explains it."""

    @property
    def palette(self) -> Palette:
        """Of the frames."""
        ...

    def draw(self, figure: Figure, left: float, top: float, height: float) -> None:
        """Draw the key beside rows that are `height` inches high together."""
        ...


@dataclass(frozen=True)
class Bar:
    """A colour bar; unit: what stands above it where there is no room for the label."""

    palette: Palette
    label: str
    ticks: tuple[float, ...]
    unit: str = ""

    def draw(self, figure: Figure, left: float, top: float, height: float) -> None:
        """See `Key`; the inset keeps the numbers at the ends of two bars apart."""
        length = min(height - 2 * BAR_INSET, LONGEST_BAR)
        axes = place(figure, left, top + BAR_INSET, 0.14, length)
        self.fill(figure, axes, fontsize=7.5).set_label(self.label, **TEXT)

    def fill(self, figure: Figure, axes: Axes, fontsize: float) -> Colorbar:
        """Fill `axes` with the colour bar; it is not named."""
        bar = figure.colorbar(ScalarMappable(self.palette.norm, self.palette.colours), axes)
        bar.set_ticks([*self.ticks])
        bar.minorticks_off()
        bar.ax.tick_params(labelsize=fontsize, length=2)
        return bar


@dataclass(frozen=True)
class Legend:
    """A colour for each name."""

    palette: Palette
    colours: Mapping[str, RGB]

    def draw(self, figure: Figure, left: float, top: float, height: float) -> None:
        """See `Key`."""
        axes = place(figure, left, top, RIGHT - 0.16, height)
        axes.set_axis_off()
        axes.legend(
            handles=[Patch(facecolor=fractions(c), label=n) for n, c in self.colours.items()],
            loc="center left",
            bbox_to_anchor=(0, 0.5),
            borderaxespad=0,
            frameon=False,
            fontsize=7.5,
            handlelength=1.2,
        )


@dataclass(frozen=True)
class Row:
    """Frames (T, H, W) in a row; `kind` names its key."""

    label: str
    frames: np.ndarray
    kind: str = "values"
    headings: tuple[str, ...] = ()


def evenly_spread(frames: int, columns: int) -> np.ndarray:
    """At most `columns` indices below `frames`, equally far apart, the last one included."""
    step = -(-frames // columns)
    return np.arange(frames - 1, -1, -step)[::-1]


def frames_of(rows: Sequence[Row]) -> list[np.ndarray]:
    """All frames (H, W) in the order of a sheet's panels."""
    return [frame for row in rows for frame in row.frames]


class Sheet:
    """A figure with a panel for each frame of the rows and the keys of their kinds.

    There is room for a title above. Only the shape of the rows' frames counts. ground: what these
    lie on; its coordinates stand at the edges of the sheet. side: the longer one of a frame,
    inches.
    """

    def __init__(
        self,
        rows: Sequence[Row],
        keys: Mapping[str, Key],
        ground: Ground = NOWHERE,
        side: float = FRAME,
    ) -> None:
        self.rows, self.ground = rows, ground
        self.columns = max(len(row.frames) for row in rows)
        self.width, self.height = ground.size(side)
        self.left = LEFT + ground.margins.left
        self.tops, y, kind = [], TOP + ground.margins.top, rows[0].kind
        for row in rows:
            y += HEADING if row.headings else GAP if row.kind != kind else 0
            kind = row.kind
            self.tops.append(y)
            y += self.height + GAP
        self.keys_left = self.left + self.columns * (self.width + GAP) + ground.margins.right
        size = (self.keys_left + RIGHT, y + ground.margins.bottom + BOTTOM)
        self.figure = Figure(figsize=size)
        self.panels: list[Panel] = []
        for row, top in zip(self.rows, self.tops, strict=True):
            self._add_row(row, top, keys[row.kind].palette)
        self._draw_keys(keys)

    def _draw_keys(self, keys: Mapping[str, Key]) -> None:
        for kind in dict.fromkeys(row.kind for row in self.rows):
            tops = [top for row, top in zip(self.rows, self.tops, strict=True) if row.kind == kind]
            height = tops[-1] + self.height - tops[0]
            keys[kind].draw(self.figure, self.keys_left + 0.12, tops[0], height)

    def _add_row(self, row: Row, top: float, palette: Palette) -> None:
        first = self.columns - len(row.frames)  # a short row ends where the others do
        _, height, width = row.frames.shape
        extent = self.ground.extent((height, width)) or (0, width, 0, height)
        for k in range(len(row.frames)):
            left = self.left + (first + k) * (self.width + GAP)
            axes = place(self.figure, left, top, self.width, self.height)
            self.panels.append(Panel.opened(axes, palette, extent))
            self._dress(axes, row, k)

    def _dress(self, axes: Axes, row: Row, k: int) -> None:
        edges = Edges(
            left=k == 0,
            right=k == len(row.frames) - 1,
            top=row is self.rows[0],
            bottom=row is self.rows[-1],
        )
        self.ground.dress(axes, edges)
        above = 72 * self.ground.margins.top if edges.top else 0  # points
        if row.headings:
            axes.set_title(row.headings[k], pad=3 + above, **TEXT)
        if k == 0:
            axes.set_ylabel(row.label, labelpad=5, fontsize=9, color="#222222")
