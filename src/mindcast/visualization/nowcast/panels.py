"""One forecast case on one sheet: context, truth and forecast, row by row."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from mindcast.cases import reached
from mindcast.visualization.colours import (
    HIT_MISS_RGB,
    VALUE_SCALES,
    Palette,
    fractions,
    hit_miss,
    hit_miss_palette,
    probability_palette,
    value_palette,
)
from mindcast.visualization.nowcast.view import View
from mindcast.visualization.saving import save_png
from mindcast.visualization.sheet import add_title, place
from mindcast.visualization.times import clock, moment, signed

COLUMNS, MEMBERS = 6, 2  # at most
# layout in inches
FRAME, GAP, HEADING = 1.3, 0.06, 0.2
LONGEST_BAR, BAR_INSET = 3.6, 0.06
LEFT, RIGHT, TOP, BOTTOM = 0.42, 1.32, 0.56, 0.12
TEXT: dict[str, Any] = {"fontsize": 8, "color": "#222222"}


@dataclass(frozen=True)
class _Row:
    """Frames in a row; `kind`, "values", "probability" or "outcome", is that of its key."""

    label: str
    frames: np.ndarray
    kind: str = "values"
    headings: tuple[str, ...] = ()


def forecast_panel(path: Path, view: View, threshold: float) -> None:
    """Draw the forecast of a method to the PNG `path`.

    Rows: the latest context frames, truth, the forecasts `beside`, the first MEMBERS members, the
    mean of all, their probability-matched mean, the share of all at or above `threshold`, and hits
    and misses of the matched mean at `threshold` (of one member, or of a forecast without members:
    that, and its hits and misses). At most COLUMNS lead times, evenly spread up to the last.
    `threshold` is a physical value.
    """
    rows = _rows(view, threshold, evenly_spread(len(view.case.truth), COLUMNS))
    figure, tops = _sheet(rows, max(len(row.frames) for row in rows))
    palettes = {
        "values": value_palette(view.case.unit),
        "probability": probability_palette(),
        "outcome": hit_miss_palette(),
    }
    for row, top in zip(rows, tops, strict=True):
        _draw_row(figure, row, top, palettes[row.kind])
    _add_keys(figure, rows, tops, palettes, view.case.unit)
    add_title(figure, LEFT, view.title, f"forecast from {moment(view.start)}")
    save_png(figure, path)


def evenly_spread(frames: int, columns: int) -> np.ndarray:
    """At most `columns` indices below `frames`, equally far apart, the last one included."""
    step = -(-frames // columns)
    return np.arange(frames - 1, -1, -step)[::-1]


def _rows(view: View, threshold: float, leads: np.ndarray) -> list[_Row]:
    context, truth, ensemble = view.context, view.truth[leads], view.members[:, leads]
    past = np.arange(max(0, len(context) - len(leads)), len(context))
    rows = [
        _Row("context", context[past], headings=_headings(view, past)),
        _Row("truth", truth, headings=_headings(view, len(context) + leads)),
        *(_Row(name, view.forecast(name)[leads]) for name in view.beside),
    ]
    if len(ensemble) == 1:
        best, name = ensemble[0], view.first
        rows.append(_Row(name, best))
    else:
        best, name = view.matched[leads], "matched"
        rows += [_Row(f"member {m}", frames) for m, frames in enumerate(ensemble[:MEMBERS])]
        mean = ensemble.mean(axis=0, dtype=np.float64)
        rows += [_Row(f"mean of {len(ensemble)}", mean), _Row("matched mean", best)]
        rows.append(_Row(f"P(≥ {threshold:g})", _share(ensemble, threshold), "probability"))
    return [*rows, _Row(f"{name} ≥ {threshold:g}", hit_miss(best, truth, threshold), "outcome")]


def _share(ensemble: np.ndarray, threshold: float) -> np.ndarray:
    share = reached(ensemble, threshold).mean(axis=0)
    return np.where(np.isnan(ensemble).any(axis=0), np.nan, share)


def _headings(view: View, frames: np.ndarray) -> tuple[str, ...]:
    times, minutes = view.case.times, view.minutes
    return tuple(f"{clock(times[k])} ({signed(int(minutes[k]))})" for k in frames)


def _sheet(rows: list[_Row], columns: int) -> tuple[Figure, list[float]]:
    """An empty figure and the upper edge of every row, in inches from the top."""
    tops, y, kind = [], TOP, rows[0].kind
    for row in rows:
        y += HEADING if row.headings else GAP if row.kind != kind else 0
        kind = row.kind
        tops.append(y)
        y += FRAME + GAP
    width = LEFT + columns * (FRAME + GAP) + RIGHT
    return Figure(figsize=(width, y + BOTTOM)), tops


def _draw_row(figure: Figure, row: _Row, top: float, palette: Palette) -> None:
    columns = round((figure.get_size_inches()[0] - LEFT - RIGHT) / (FRAME + GAP))
    first = columns - len(row.frames)  # a short row ends where the others do
    for k, frame in enumerate(row.frames):
        axes = place(figure, LEFT + (first + k) * (FRAME + GAP), top, FRAME, FRAME)
        axes.imshow(frame, cmap=palette.colours, norm=palette.norm, interpolation="nearest")
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_visible(False)
        if row.headings:
            axes.set_title(row.headings[k], pad=3, **TEXT)
        if k == 0:
            axes.set_ylabel(row.label, labelpad=5, fontsize=9, color="#222222")


def _add_keys(
    figure: Figure, rows: list[_Row], tops: list[float], palettes: dict[str, Palette], unit: str
) -> None:
    """Colour bars and legend at the right, each beside the rows that it explains."""
    left = figure.get_size_inches()[0] - RIGHT + 0.12
    for kind in dict.fromkeys(row.kind for row in rows):
        group = [top for row, top in zip(rows, tops, strict=True) if row.kind == kind]
        height = group[-1] + FRAME - group[0]
        if kind == "outcome":
            _add_legend(figure, left, group[0], height)
            continue
        # the inset keeps the numbers at the ends of two bars apart
        length = min(height - 2 * BAR_INSET, LONGEST_BAR)
        axes = place(figure, left, group[0] + BAR_INSET, 0.14, length)
        bar = figure.colorbar(ScalarMappable(palettes[kind].norm, palettes[kind].colours), axes)
        scale = VALUE_SCALES[unit]
        bar.set_ticks([*scale.levels] if kind == "values" else [0, 0.2, 0.4, 0.6, 0.8, 1])
        bar.minorticks_off()
        bar.ax.tick_params(labelsize=7.5, length=2)
        name = scale.label if kind == "values" else "share of members"
        bar.set_label(name, **TEXT)


def _add_legend(figure: Figure, left: float, top: float, height: float) -> None:
    axes = place(figure, left, top, RIGHT - 0.16, height)
    axes.set_axis_off()
    patches = [
        Patch(facecolor=fractions(rgb), label=name) for name, rgb in reversed(HIT_MISS_RGB.items())
    ]
    axes.legend(
        handles=patches,
        loc="center left",
        bbox_to_anchor=(0, 0.5),
        borderaxespad=0,
        frameon=False,
        fontsize=7.5,
        handlelength=1.2,
    )
