"""Amounts of rain as rates: over which time they were gathered must be known."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mindcast.config.incoming import InputSettings
from mindcast.refusal import Refusal


def as_rate(
    values: np.ndarray, unit: str, path: Path, minutes: float | None, settings: InputSettings
) -> tuple[np.ndarray, str]:
    """Values and their unit as they are, but mm in `minutes` as mm/h.

    minutes: as the file states it; None: as the settings do. Refusal where neither does, where both
    contradict, and for minutes of what is no amount.
    """
    given = settings.accumulation_minutes
    if unit != "mm":
        if given is not None:
            raise Refusal(
                f"input.accumulation_minutes = {given:g}: {path} holds {unit}, no amounts; leave "
                "that setting out"
            )
        return values, unit
    if minutes is not None and (minutes <= 0 or (given is not None and given != minutes)):
        wanted = "more than 0" if given is None else f"input.accumulation_minutes = {given:g}"
        raise Refusal(
            f"{path}: states an amount of {minutes:g} minutes, expected {wanted}; "
            "mend the one that is wrong"
        )
    minutes = minutes or given
    if minutes is None:
        raise Refusal(
            f"{path}: holds amounts in mm and does not state of how many minutes; set "
            "input.accumulation_minutes"
        )
    return values * (60.0 / minutes), "mm/h"
