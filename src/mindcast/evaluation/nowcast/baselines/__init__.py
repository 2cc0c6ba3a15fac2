"""Forecasts that need no training, for every report to beat; a line each.

A name is a value of `evaluation.baselines` (`config/schema.py`) and of the rows of a report.
"""

from __future__ import annotations

from collections.abc import Callable

from mindcast.evaluation.nowcast.baselines.base import Nowcast, Past
from mindcast.evaluation.nowcast.baselines.cascades import s_prog, steps
from mindcast.evaluation.nowcast.baselines.moved import extrapolation, persistence

PERSISTENCE, EXTRAPOLATION = "persistence", "extrapolation"

BASELINES: dict[str, Callable[[Past], Nowcast]] = {
    PERSISTENCE: lambda past: Nowcast(persistence(past.context, past.frames)),
    EXTRAPOLATION: extrapolation,
    "s-prog": s_prog,
    "steps": steps,
}
