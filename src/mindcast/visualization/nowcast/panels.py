"""One forecast case on one sheet: context, truth and forecast, row by row."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mindcast.cases import reached
from mindcast.visualization.colours import (
    HIT_MISS_RGB,
    VALUE_SCALES,
    hit_miss,
    hit_miss_palette,
    probability_palette,
    value_palette,
)
from mindcast.visualization.nowcast.rows import (
    LEFT,
    Bar,
    Key,
    Legend,
    Row,
    Sheet,
    evenly_spread,
    frames_of,
)
from mindcast.visualization.nowcast.stage import Stage
from mindcast.visualization.nowcast.view import View
from mindcast.visualization.saving import DPI, save_image
from mindcast.visualization.sheet import add_title
from mindcast.visualization.times import clock, moment, signed

COLUMNS, MEMBERS = 6, 2  # at most
SHARES = (0, 0.2, 0.4, 0.6, 0.8, 1)


def forecast_panel(path: Path, view: View, threshold: float) -> None:
    """Draw the forecast of a method to the PNG `path`.

    Rows: the latest context frames, truth, the forecasts `beside`, the first MEMBERS members, the
    mean of all, their probability-matched mean, the share of all at or above `threshold`, and hits
    and misses of the matched mean at `threshold` (of one member, or of a forecast without members:
    that, and its hits and misses). At most COLUMNS lead times, evenly spread up to the last.
    `threshold` is a physical value.
    """
    rows = _rows(view, threshold, evenly_spread(len(view.case.truth), COLUMNS))
    sheet = Sheet(rows, _keys(view.case.unit))
    add_title(sheet.figure, LEFT, view.title, f"forecast from {moment(view.start)}")
    save_image(Stage(sheet.figure, sheet.panels, DPI).painted(frames_of(rows)), path)


def _keys(unit: str) -> dict[str, Key]:
    scale = VALUE_SCALES[unit]
    outcomes = dict(reversed(HIT_MISS_RGB.items()))
    return {
        "values": Bar(value_palette(unit), scale.label, scale.levels),
        "probability": Bar(probability_palette(), "share of members", SHARES),
        "outcome": Legend(hit_miss_palette(), outcomes),
    }


def _rows(view: View, threshold: float, leads: np.ndarray) -> list[Row]:
    context, truth, ensemble = view.context, view.truth[leads], view.members[:, leads]
    past = np.arange(max(0, len(context) - len(leads)), len(context))
    rows = [
        Row("context", context[past], headings=_headings(view, past)),
        Row("truth", truth, headings=_headings(view, len(context) + leads)),
        *(Row(name, view.forecast(name)[leads]) for name in view.beside),
    ]
    if len(ensemble) == 1:
        best, name = ensemble[0], view.first
        rows.append(Row(name, best))
    else:
        best, name = view.matched[leads], "matched"
        rows += [Row(f"member {m}", frames) for m, frames in enumerate(ensemble[:MEMBERS])]
        mean = ensemble.mean(axis=0, dtype=np.float64)
        rows += [Row(f"mean of {len(ensemble)}", mean), Row("matched mean", best)]
        rows.append(Row(f"P(≥ {threshold:g})", _share(ensemble, threshold), "probability"))
    return [*rows, Row(f"{name} ≥ {threshold:g}", hit_miss(best, truth, threshold), "outcome")]


def _share(ensemble: np.ndarray, threshold: float) -> np.ndarray:
    share = reached(ensemble, threshold).mean(axis=0)
    return np.where(np.isnan(ensemble).any(axis=0), np.nan, share)


def _headings(view: View, frames: np.ndarray) -> tuple[str, ...]:
    times, minutes = view.case.times, view.minutes
    return tuple(f"{clock(times[k])} ({signed(int(minutes[k]))})" for k in frames)
