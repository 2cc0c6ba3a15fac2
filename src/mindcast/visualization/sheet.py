"""Where things lie on a figure that is laid out in inches."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure


def place(figure: Figure, left: float, top: float, width: float, height: float) -> Axes:
    """Axes at a place given in inches from the upper left corner."""
    whole_width, whole_height = figure.get_size_inches()
    corner = 1 - (top + height) / whole_height
    return figure.add_axes((left / whole_width, corner, width / whole_width, height / whole_height))


def add_title(figure: Figure, left: float, title: str, below: str) -> None:
    """A bold line and a plain one at the top of the figure, `left` inches from its edge."""
    width, height = figure.get_size_inches()
    figure.text(left / width, 1 - 0.12 / height, title, fontsize=10.5, weight="bold", va="top")
    figure.text(left / width, 1 - 0.33 / height, below, fontsize=8.5, color="#222222", va="top")
