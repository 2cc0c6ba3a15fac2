"""What frames lie on: a map with its coordinates, or nothing that is known."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure
from matplotlib.path import Path
from matplotlib.ticker import MaxNLocator, NullLocator

from mindcast.mapgrid import MapGrid

NETWORK_POINTS = 60  # along a side, to draw lines of equal latitude by
TICKS, AT_CORNERS = 4, 0.1  # at most; share of an edge whose ends are free of degrees
SMALL: dict[str, Any] = {"fontsize": 6, "color": "#444444"}
LINE: dict[str, Any] = {"edgecolors": "#555555", "linewidths": 0.4, "alpha": 0.7}


@dataclass(frozen=True)
class Edges:
    """At which sides of a frame the coordinates are to be written."""

    left: bool = True
    right: bool = True
    top: bool = True
    bottom: bool = True


@dataclass(frozen=True)
class Margins:
    """Room that the coordinates take around all frames, inches."""

    left: float = 0.0
    right: float = 0.0
    top: float = 0.0
    bottom: float = 0.0


class Ground(Protocol):
    """What pictures ask of that which their frames lie on."""

    margins: Margins

    def size(self, side: float) -> tuple[float, float]:
        """Width and height of a frame whose longer side is `side`, inches."""
        ...

    def extent(self, shape: tuple[int, ...]) -> tuple[float, float, float, float] | None:
        """Outer edges of a frame (H, W): left, right, bottom, top; None for its pixels."""
        ...

    def dress(self, axes: Axes, edges: Edges) -> None:
        """Draw lines and coordinates over a frame."""
        ...


class Nowhere:
    """Square frames without coordinates."""

    margins = Margins()

    def size(self, side: float) -> tuple[float, float]:
        """See `Ground`."""
        return side, side

    def extent(self, shape: tuple[int, ...]) -> None:
        """See `Ground`."""

    def dress(self, axes: Axes, edges: Edges) -> None:
        """See `Ground`."""
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_visible(False)


NOWHERE = Nowhere()


class Pixels(Nowhere):
    """Frames (H, W) of whatever shape, without coordinates."""

    def __init__(self, shape: tuple[int, int]) -> None:
        self.shape = shape

    def size(self, side: float) -> tuple[float, float]:
        """See `Ground`."""
        return _within(side, *self.shape)

    def dress(self, axes: Axes, edges: Edges) -> None:
        """See `Ground`; a thin frame, for paper may be of the colour of no rain."""
        super().dress(axes, edges)
        _outline(axes)


class Map:
    """Frames on a map: kilometres at the left and below, latitude and longitude opposite them.

    Lines of equal latitude and longitude are drawn where the projection knows them everywhere.
    """

    margins = Margins(left=0.26, right=0.3, top=0.12, bottom=0.18)

    def __init__(self, grid: MapGrid) -> None:
        self.grid = grid

    def size(self, side: float) -> tuple[float, float]:
        """See `Ground`."""
        left, right, bottom, top = self.extent(self.grid.shape)
        return _within(side, top - bottom, right - left)

    def extent(self, shape: tuple[int, ...]) -> tuple[float, float, float, float]:
        """See `Ground`; km in the projection."""
        x, y = self.grid.x / 1000, self.grid.y / 1000
        height, width = (metres / 2000 for metres in self.grid.pixel_m)
        return x[0] - width, x[-1] + width, y[-1] - height, y[0] + height

    def dress(self, axes: Axes, edges: Edges) -> None:
        """See `Ground`."""
        axes.tick_params(labelsize=6, length=2, pad=1.5, labelcolor="#444444")
        for axis, has_ticks in ((axes.xaxis, edges.bottom), (axes.yaxis, edges.left)):
            where = MaxNLocator(TICKS, steps=[1, 2, 5, 10]) if has_ticks else NullLocator()
            axis.set_major_locator(where)
        _outline(axes)
        if not self._network.known:
            return
        net = self._network
        lines = PathCollection(net.lines, facecolors="none", **LINE)
        axes.add_collection(lines, autolim=False)
        if edges.right:
            for latitude, y in net.crossings(net.latitude[:, -1], net.y, net.parallels):
                _write(axes, _degrees(latitude, "NS"), (1, y), ("axes fraction", "data"), (2, 0))
        if edges.top:
            for longitude, x in net.crossings(net.longitude[0], net.x, net.meridians):
                _write(axes, _degrees(longitude, "EW"), (x, 1), ("data", "axes fraction"), (0, 2))

    @cached_property
    def _network(self) -> Network:
        return Network.of(self.grid)


@dataclass(frozen=True, eq=False)
class Network:
    """Latitude and longitude at points of a map, and the round ones of which lines are drawn.

    x, y: km, edges of the map included. Longitudes do not jump at 180°.
    """

    x: np.ndarray
    y: np.ndarray
    latitude: np.ndarray
    longitude: np.ndarray

    @classmethod
    def of(cls, grid: MapGrid) -> Network:
        x, y = (
            np.linspace(axis[0] - step / 2, axis[-1] + step / 2, NETWORK_POINTS)
            for axis, step in ((grid.x, np.diff(grid.x).mean()), (grid.y, np.diff(grid.y).mean()))
        )
        latitude, longitude = MapGrid(x, y, grid.projection).degrees()
        latitude, longitude = (np.where(np.isfinite(a), a, np.nan) for a in (latitude, longitude))
        centre = longitude[NETWORK_POINTS // 2, NETWORK_POINTS // 2]
        turned = (longitude - centre + 180) % 360 - 180 + centre
        return cls(x / 1000, y / 1000, latitude, turned)

    @property
    def known(self) -> bool:
        """Whether every point of the map lies somewhere on the earth."""
        return bool(np.isfinite(self.latitude).all() and np.isfinite(self.longitude).all())

    @property
    def parallels(self) -> list[float]:
        """Round latitudes."""
        return _round_within(self.latitude)

    @property
    def meridians(self) -> list[float]:
        """Round longitudes."""
        return _round_within(self.longitude)

    @cached_property
    def lines(self) -> list[Path]:
        """Those of round degrees: found once, drawn over every frame."""
        axes, found = Figure().add_subplot(), list[Path]()
        for of, levels in ((self.latitude, self.parallels), (self.longitude, self.meridians)):
            if levels:
                found += axes.contour(self.x, self.y, of, levels=levels).get_paths()
        return found

    @staticmethod
    def crossings(
        degrees: np.ndarray, places: np.ndarray, levels: list[float]
    ) -> list[tuple[float, float]]:
        """Where levels lie on an edge along which degrees rise or fall; else nowhere."""
        steps = np.diff(degrees)
        if not ((steps > 0).all() or (steps < 0).all()):
            return []
        order = np.argsort(degrees)
        start, end = np.quantile(places, (AT_CORNERS, 1 - AT_CORNERS))
        found = [
            (level, float(np.interp(level, degrees[order], places[order]))) for level in levels
        ]
        return [(level, place) for level, place in found if start <= place <= end]


def ground_of(grid: MapGrid | None, shape: tuple[int, int]) -> Ground:
    """The map of frames (H, W), if they lie on one."""
    return Pixels(shape) if grid is None else Map(grid)


def _within(side: float, height: float, width: float) -> tuple[float, float]:
    """Width and height in that relation, the longer one `side`."""
    longest = max(height, width)
    return side * width / longest, side * height / longest


def _outline(axes: Axes) -> None:
    axes.spines[:].set_visible(True)
    axes.spines[:].set(linewidth=0.5, color="#555555")


def _write(axes: Axes, text: str, at: Any, coordinates: Any, offset: tuple[int, int]) -> None:
    sideways = offset[0] > 0
    axes.annotate(
        text,
        at,
        xycoords=coordinates,
        xytext=offset,
        textcoords="offset points",
        ha="left" if sideways else "center",
        va="center" if sideways else "bottom",
        annotation_clip=False,
        **SMALL,
    )


def _degrees(value: float, sides: str) -> str:
    turned = (value + 180) % 360 - 180 if sides == "EW" else value
    side = sides[turned < 0] if turned % 180 else ""
    return f"{abs(turned):g}°{side}"


def _round_within(degrees: np.ndarray) -> list[float]:
    low, high = float(degrees.min()), float(degrees.max())
    ticks = MaxNLocator(TICKS, steps=[1, 2, 5, 10]).tick_values(low, high)
    return [round(float(tick), 6) for tick in ticks if low <= tick <= high]
