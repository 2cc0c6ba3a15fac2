"""One forecast case with everything that a picture of it needs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Case:
    """What was seen, what came and what was forecast, in [0, 1].

    context (Tc, H, W, C); truth (T, H, W, C); members (M, T, H, W, C); times: valid times of all
    Tc + T frames, datetime64, UTC; value_scale: physical value of 1; unit: of physical
    values, a key of `colours.VALUE_SCALES`. Drawn is channel 0.
    """

    method: str
    context: np.ndarray
    truth: np.ndarray
    members: np.ndarray
    times: np.ndarray
    value_scale: float = 255.0
    unit: str = "VIL"

    def __post_init__(self) -> None:
        frames = len(self.context) + len(self.truth)
        if self.members.shape[1:] != self.truth.shape or len(self.times) != frames:
            raise ValueError(
                f"got members {self.members.shape}, truth {self.truth.shape} and "
                f"{len(self.times)} times, expected (M, *truth) and {frames} times"
            )

    @property
    def start(self) -> np.datetime64:
        """Time of the last frame seen."""
        return self.times[len(self.context) - 1]

    @property
    def minutes(self) -> np.ndarray:
        """Minutes from `start` of all Tc + T frames; negative and 0 in the context."""
        return (self.times - self.start) // np.timedelta64(1, "m")

    def physical(self, frames: np.ndarray) -> np.ndarray:
        """Channel 0 of (..., H, W, C) in physical values, (..., H, W)."""
        return frames[..., 0] * np.float32(self.value_scale)


def clock(time: np.datetime64) -> str:
    """Hours and minutes of a time, "07:10"."""
    return str(np.datetime_as_string(time, unit="m"))[11:16]


def signed(minutes: int) -> str:
    """A time relative to the start of the forecast: "+10 min" with a true minus sign."""
    sign = "−" if minutes < 0 else "+" if minutes else ""
    return f"{sign}{abs(minutes)} min"
