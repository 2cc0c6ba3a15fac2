"""One downscaled case with everything that a picture of it needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np


@dataclass(frozen=True, eq=False)
class DownscaleCase:
    """What was given, what was made of it and the truth; temperatures in K.

    temperature_lr (Z, h, w, 1); bicubic, truth and, where there is one, deterministic (Z, H, W, 1);
    members (M, Z, H, W, 1); levels_hpa (Z,), from the bottom upwards; time: valid time, datetime64,
    UTC, or None. above_ground (Z, H, W, 1), 0 where a level lies below the ground, is drawn grey.
    latitude and longitude in degrees, (H,) and (W,) or both (H, W), say which way is north and
    name the columns; None if unknown. ValueError for shapes that do not belong together.
    """

    method: str
    temperature_lr: np.ndarray
    bicubic: np.ndarray
    members: np.ndarray
    truth: np.ndarray
    levels_hpa: np.ndarray
    time: np.datetime64 | None = None
    deterministic: np.ndarray | None = None
    above_ground: np.ndarray | None = None
    latitude: np.ndarray | None = None
    longitude: np.ndarray | None = None

    def __post_init__(self) -> None:
        shape = self.truth.shape
        fields = (self.bicubic, self.deterministic, self.above_ground)
        if len(shape) != 4 or any(field is not None and field.shape != shape for field in fields):
            shapes = [None if field is None else field.shape for field in fields]
            raise ValueError(f"got fields {shapes} and truth {shape}, expected all (Z, H, W, 1)")
        levels = {len(self.levels_hpa), len(self.temperature_lr), shape[0]}
        if self.members.shape[1:] != shape or len(levels) > 1:
            raise ValueError(
                f"got members {self.members.shape}, temperature_lr {self.temperature_lr.shape}, "
                f"truth {shape} and {len(self.levels_hpa)} levels, expected (M, *truth) and equal Z"
            )

    @property
    def factor(self) -> int:
        """Fine points along a side of a coarse one."""
        return self.truth.shape[1] // self.temperature_lr.shape[1]

    @property
    def coarse(self) -> np.ndarray:
        """What was given, each value repeated over its block, (Z, H, W)."""
        blocks = self.temperature_lr[..., 0]
        return self._shown(blocks.repeat(self.factor, axis=1).repeat(self.factor, axis=2))

    @property
    def true(self) -> np.ndarray:
        """The truth, (Z, H, W), NaN below the ground."""
        return self._shown(self.truth[..., 0])

    @property
    def estimates(self) -> dict[str, np.ndarray]:
        """What can be held against the truth by name, (Z, H, W) each, NaN below the ground."""
        members = len(self.members)
        found = {"bicubic": self.bicubic, "deterministic": self.deterministic}
        if members > 1:
            found["member 0"] = self.members[0]
            found[f"mean of {members}"] = self.members.mean(axis=0, dtype=np.float64)
        else:
            found["forecast"] = self.members[0]
        return {
            name: self._shown(field[..., 0]) for name, field in found.items() if field is not None
        }

    @property
    def spread(self) -> np.ndarray | None:
        """Standard deviation of the members, (Z, H, W); None for a single one."""
        if len(self.members) == 1:
            return None
        return self._shown(self.members[..., 0].std(axis=0, ddof=1, dtype=np.float64))

    @property
    def origin(self) -> Literal["upper", "lower"]:
        """Where row 0 is drawn, as `imshow` takes it: "lower" if latitude rises along the rows."""
        if self.latitude is None:
            return "upper"
        return "lower" if np.mean(self.latitude[0]) < np.mean(self.latitude[-1]) else "upper"

    @property
    def moment(self) -> str:
        """The valid time as text, empty if unknown."""
        if self.time is None:
            return ""
        return f"{str(np.datetime_as_string(self.time, unit='m')).replace('T', ' ')} UTC"

    def level_name(self, level: int) -> str:
        """ "850 hPa"."""
        return f"{self.levels_hpa[level]:g} hPa"

    def _shown(self, field: np.ndarray) -> np.ndarray:
        if self.above_ground is None:
            return field
        return np.where(self.above_ground[..., 0] > 0, field, np.nan)


def root_mean_square(values: np.ndarray) -> float:
    """Over all that is not NaN; NaN if nothing is left."""
    kept = values[~np.isnan(values)].astype(np.float64)
    return float(np.sqrt(np.square(kept).mean())) if kept.size else float("nan")
