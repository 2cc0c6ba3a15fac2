"""Panels that run through time side by side, as an animated GIF."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from mindcast.files import complete_or_absent
from mindcast.visualization.nowcast.ground import NOWHERE, Edges, Ground
from mindcast.visualization.nowcast.rows import Bar
from mindcast.visualization.nowcast.stage import Panel, Stage
from mindcast.visualization.sheet import place
from mindcast.visualization.times import clock, signed

DPI = 100
GAP, LEFT, RIGHT, TOP, BOTTOM = 0.1, 0.1, 0.62, 0.62, 0.1  # inches
LINE, LETTER = 0.22, 0.09  # of the heading, inches
LONGEST_TIME = "00:00 UTC  +0000 min  forecast "
COLOURS, OF_PALETTE = 255, 4  # of a GIF; frames that its palette is made of
FRAME_MS, LAST_FRAME_MS = 350, 1400
OBSERVED, FORECAST = "#707070", "#0B5CAD"
HEADING: dict[str, Any] = {"fontsize": 10.5, "weight": "bold", "va": "top"}


class Film:
    """Titled panels side by side, through time; all but their frames is drawn when it is made.

    side: of a panel, inches.
    """

    def __init__(
        self, titles: Sequence[str], title: str, key: Bar, side: float, ground: Ground = NOWHERE
    ) -> None:
        (panel_width, panel_height), margins = ground.size(side), ground.margins
        left = LEFT + margins.left
        keys_left = left + len(titles) * (panel_width + GAP) + margins.right
        room = keys_left - margins.right - left
        below = LINE if LETTER * len(title + LONGEST_TIME) > room else 0.0  # where the time goes
        top = TOP + margins.top + below
        size = keys_left + RIGHT, top + panel_height + margins.bottom + BOTTOM
        figure = Figure(figsize=size, dpi=DPI, facecolor="white")
        extent = ground.extent((1, 1)) or (0, panel_width, 0, panel_height)
        panels = []
        for k, name in enumerate(titles):
            axes = place(figure, left + k * (panel_width + GAP), top, panel_width, panel_height)
            panels.append(Panel.opened(axes, key.palette, extent))
            ground.dress(axes, Edges(left=k == 0, right=k == len(titles) - 1))
            axes.set_title(name, fontsize=10, pad=4 + 72 * margins.top)
        bar_axes = place(figure, keys_left + 0.02, top, 0.13, panel_height)
        key.fill(figure, bar_axes, fontsize=8)
        bar_axes.set_title(key.unit, fontsize=8, pad=4)
        figure.text(left / size[0], 1 - 0.08 / size[1], title, **HEADING)
        right, head = (left + room - GAP) / size[0], 1 - (0.08 + below) / size[1]
        at = (left / size[0], head, "left") if below else (right, head, "right")
        self._time = figure.text(*at[:2], "", ha=at[2], **HEADING)
        self._stage = Stage(figure, panels, DPI, [self._time])

    def save(
        self, path: Path, panels: Sequence[np.ndarray], times: np.ndarray, minutes: np.ndarray
    ) -> None:
        """Write frames (T, H, W) of the panels to the GIF `path`, which repeats for ever.

        times: of the frames, UTC. minutes: from the start of the forecast; up to 0 is observed.
        """
        pictures = []
        for k, lead in enumerate(minutes):
            is_observed = lead <= 0
            self._time.set_text(
                f"{clock(times[k])} UTC  {signed(int(lead))}"
                f"  {'observed' if is_observed else 'forecast'}"
            )
            self._time.set_color(OBSERVED if is_observed else FORECAST)
            pictures.append(self._stage.painted([frames[k] for frames in panels]))
        _save(path, pictures)


def _save(path: Path, pictures: list[Image.Image]) -> None:
    """All frames share one palette, so that flat colours do not flicker.

    A few of them have all its colours: every frame shows the key to them.
    """
    some = sorted({round(k) for k in np.linspace(0, len(pictures) - 1, OF_PALETTE)})
    width, height = pictures[0].size
    strip = Image.new("RGB", (width, height * len(some)))
    for number, k in enumerate(some):
        strip.paste(pictures[k], (0, height * number))
    palette = strip.quantize(COLOURS, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    first, *others = (
        picture.quantize(palette=palette, dither=Image.Dither.NONE) for picture in pictures
    )
    durations = [FRAME_MS] * len(others) + [LAST_FRAME_MS]
    with complete_or_absent(path, "choose another folder") as part:
        first.save(
            part, format="GIF", save_all=True, append_images=others, duration=durations, loop=0
        )
