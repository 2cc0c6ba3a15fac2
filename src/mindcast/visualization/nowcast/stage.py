"""A figure that is drawn before its frames are there; they are painted in, once or many times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from mindcast.visualization.colours import Palette


@dataclass(frozen=True)
class Panel:
    """Axes that a frame is to fill, and its colours."""

    axes: Axes
    palette: Palette

    @classmethod
    def opened(
        cls, axes: Axes, palette: Palette, extent: tuple[float, float, float, float]
    ) -> Panel:
        """Axes for frames whose outer edges are at left, right, bottom, top."""
        axes.set(xlim=extent[:2], ylim=extent[2:], aspect="equal")
        return cls(axes, palette)

    @property
    def above(self) -> list[Artist]:
        """What lies on the frame: lines of the map, the outline."""
        artists = (*self.axes.collections, *self.axes.spines.values())
        return [artist for artist in artists if artist.get_visible()]


class Stage:
    """A figure whose panels are still to be filled.

    What no frame changes is drawn when the stage is made, which takes most of the time. dpi: dots
    per inch. texts: of the figure, which may change from picture to picture.
    """

    def __init__(
        self, figure: Figure, panels: Sequence[Panel], dpi: int, texts: Sequence[Artist] = ()
    ) -> None:
        figure.dpi = dpi
        self._above = [[*panel.above] for panel in panels]
        self._texts = texts
        for artist in (*(a for above in self._above for a in above), *texts):
            artist.set_animated(True)  # left out of what stands
        self._canvas = FigureCanvasAgg(figure)
        self._canvas.draw()
        self._standing = self._canvas.copy_from_bbox(figure.bbox)
        height = self._canvas.get_width_height()[1]
        self._boxes = [_Box(panel, height) for panel in panels]

    def painted(self, frames: Sequence[np.ndarray]) -> Image.Image:
        """The picture, RGB, with a frame (H, W) of values in each panel; row 0 is at the top."""
        canvas = self._canvas
        canvas.restore_region(self._standing)
        pixels = np.asarray(canvas.buffer_rgba())
        for box, frame, above in zip(self._boxes, frames, self._above, strict=True):
            box.fill(pixels, frame)
            for artist in above:
                artist.draw(canvas.renderer)
        for text in self._texts:
            text.draw(canvas.renderer)
        size = canvas.get_width_height()
        # frombuffer: copying three of four bytes with NumPy takes ten times as long
        return Image.frombuffer("RGBA", size, pixels, "raw", "RGBA", 0, 1).convert("RGB")


class _Box:
    """Where a panel lies on the picture, in dots from the upper left corner."""

    def __init__(self, panel: Panel, height: int) -> None:
        self.palette = panel.palette
        edges = panel.axes.bbox
        self.top, self.bottom = height - edges.y1, height - edges.y0
        self.left, self.right = edges.x0, edges.x1

    def fill(self, pixels: np.ndarray, frame: np.ndarray) -> None:
        """Each dot takes the colour of the pixel of the frame that its middle lies in."""
        down, rows = _nearest(self.top, self.bottom, frame.shape[0])
        across, columns = _nearest(self.left, self.right, frame.shape[1])
        if frame.size > len(rows) * len(columns):
            coloured = self.palette.rgba(frame[rows][:, columns])
        else:
            coloured = self.palette.rgba(frame)[rows][:, columns]
        pixels[down, across] = coloured


def _nearest(first: float, last: float, count: int) -> tuple[slice, np.ndarray]:
    """The dots between two edges, and which of `count` pixels each of them shows."""
    dots = np.arange(round(first), round(last))
    places = (dots + 0.5 - first) * count / (last - first)
    return slice(dots[0], dots[-1] + 1), np.clip(places.astype(int), 0, count - 1)
