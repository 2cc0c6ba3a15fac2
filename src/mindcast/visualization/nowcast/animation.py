"""One forecast case as an animated GIF: truth beside forecast, first the context."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mindcast.visualization.colours import VALUE_SCALES, value_palette
from mindcast.visualization.nowcast.film import Film
from mindcast.visualization.nowcast.rows import Bar
from mindcast.visualization.nowcast.view import View

SIDE = 2.6  # inches


def forecast_animation(path: Path, view: View) -> None:
    """Draw the forecast of a method to the GIF `path`, which repeats for ever.

    Panels: truth, probability-matched mean of the members and member 0, which are as sharp as the
    truth (of one member that alone, of a method without members its forecast). During the context
    all of them show it.
    """
    case, scale, panels = view.case, VALUE_SCALES[view.case.unit], _panels(view)
    key = Bar(value_palette(case.unit), scale.label, scale.levels, case.unit)
    film = Film([*panels], f"{view.method} {case.label}", key, SIDE)
    film.save(path, [*panels.values()], case.times, view.minutes)


def _panels(view: View) -> dict[str, np.ndarray]:
    """Frames (Tc + T, H, W) of every panel, physical values."""
    fields, members = {"truth": view.truth}, view.members
    if len(members) > 1:
        fields[f"probability-matched mean of {len(members)}"] = view.matched
    fields[view.first] = members[0]
    return {name: np.concatenate([view.context, frames]) for name, frames in fields.items()}
