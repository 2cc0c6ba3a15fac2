"""Times as text on pictures."""

from __future__ import annotations

import numpy as np


def moment(time: np.datetime64) -> str:
    """Date and time, "2018-09-17 00:00 UTC"."""
    return f"{str(np.datetime_as_string(time, unit='m')).replace('T', ' ')} UTC"


def clock(time: np.datetime64) -> str:
    """Hours and minutes of a time, "07:10"."""
    return str(np.datetime_as_string(time, unit="m"))[11:16]


def signed(minutes: int) -> str:
    """A time relative to the start of the forecast: "+10 min" with a true minus sign."""
    sign = "−" if minutes < 0 else "+" if minutes else ""
    return f"{sign}{abs(minutes)} min"
