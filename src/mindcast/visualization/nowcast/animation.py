"""One forecast case as an animated GIF: truth beside forecast, first the context."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.cm import ScalarMappable
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.text import Text
from PIL import Image

from mindcast.files import complete_or_absent
from mindcast.visualization.colours import VALUE_SCALES, value_palette
from mindcast.visualization.nowcast.view import View
from mindcast.visualization.times import clock, signed

DPI = 100
SIDE, GAP, LEFT, RIGHT, TOP, BOTTOM = 2.6, 0.1, 0.1, 0.62, 0.62, 0.1  # inches
FRAME_MS, LAST_FRAME_MS = 350, 1400
OBSERVED, FORECAST = "#707070", "#0B5CAD"


def forecast_animation(path: Path, view: View) -> None:
    """Draw the forecast of a method to the GIF `path`, which repeats for ever.

    Panels: truth, probability-matched mean of the members and member 0, which are as sharp as the
    truth (of one member that alone, of a method without members its forecast). During the context
    all of them show it.
    """
    panels, case = _panels(view), view.case
    figure, images, time = _stage(list(panels), f"{view.method} {case.label}", case.unit)
    canvas = FigureCanvasAgg(figure)
    pictures = []
    for k, minutes in enumerate(view.minutes):
        for image, frames in zip(images, panels.values(), strict=True):
            image.set_data(frames[k])
        is_observed = minutes <= 0
        time.set_text(
            f"{clock(case.times[k])} UTC  {signed(int(minutes))}"
            f"  {'observed' if is_observed else 'forecast'}"
        )
        time.set_color(OBSERVED if is_observed else FORECAST)
        canvas.draw()
        pictures.append(Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3].copy()))
    _save(path, pictures)


def _panels(view: View) -> dict[str, np.ndarray]:
    """Frames (Tc + T, H, W) of every panel, physical values."""
    fields, members = {"truth": view.truth}, view.members
    if len(members) > 1:
        fields[f"probability-matched mean of {len(members)}"] = view.matched
    fields[view.first] = members[0]
    return {name: np.concatenate([view.context, frames]) for name, frames in fields.items()}


def _stage(titles: list[str], title: str, unit: str) -> tuple[Figure, list[AxesImage], Text]:
    """The figure with one empty image a panel and the text for the time."""
    width = LEFT + len(titles) * (SIDE + GAP) + RIGHT
    height = TOP + SIDE + BOTTOM
    figure = Figure(figsize=(width, height), dpi=DPI, facecolor="white")
    palette, images = value_palette(unit), []
    for k, name in enumerate(titles):
        corner = (LEFT + k * (SIDE + GAP)) / width
        axes = figure.add_axes((corner, BOTTOM / height, SIDE / width, SIDE / height))
        axes.set_axis_off()
        axes.set_title(name, fontsize=10, pad=4)
        images.append(
            axes.imshow(
                [[0]],
                cmap=palette.colours,
                norm=palette.norm,
                extent=(0, 1, 0, 1),
                interpolation="nearest",
            )
        )
    bar_left = (width - RIGHT + 0.02) / width
    bar_axes = figure.add_axes((bar_left, BOTTOM / height, 0.13 / width, SIDE / height))
    bar = figure.colorbar(ScalarMappable(palette.norm, palette.colours), bar_axes)
    bar.set_ticks([*VALUE_SCALES[unit].levels])
    bar.ax.tick_params(labelsize=8, length=2)
    top = 1 - 0.08 / height
    figure.text(LEFT / width, top, title, fontsize=10.5, weight="bold", va="top")
    right = (width - RIGHT - GAP) / width
    time = figure.text(right, top, "", fontsize=10.5, weight="bold", va="top", ha="right")
    return figure, images, time


def _save(path: Path, pictures: list[Image.Image]) -> None:
    """All frames share one palette, so that flat colours do not flicker."""
    strip = Image.fromarray(np.concatenate([np.asarray(picture) for picture in pictures]))
    palette = strip.quantize(64, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    first, *others = (
        picture.quantize(palette=palette, dither=Image.Dither.NONE) for picture in pictures
    )
    durations = [FRAME_MS] * len(others) + [LAST_FRAME_MS]
    with complete_or_absent(path, "choose another folder") as part:
        first.save(
            part, format="GIF", save_all=True, append_images=others, duration=durations, loop=0
        )
