"""A nowcast in the place of pysteps' own: their signature, their order of axes, their units."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from mindcast.refusal import Refusal

if TYPE_CHECKING:
    import xarray

DECIBELS = "dB"
THRESHOLD_DB, ZERO_DB = -10.0, -15.0  # pysteps' dB_transform: 0.1 mm/h, and what is less


class Nowcast(Protocol):
    """What is asked of a `Nowcaster`."""

    name: str
    target_frames: int
    interval_minutes: int
    pixel_km: float | None

    @property
    def goes_by_motion(self) -> bool: ...

    def forecast(
        self,
        frames: Any,
        *,
        unit: str | None,
        members: int | None,
        seed: int | None,
        method: str | None,
        motion: np.ndarray | None,
    ) -> xarray.DataArray: ...


class PystepsMethod:
    """`forecast(precip, velocity, timesteps, ...)` as of `pysteps.nowcasts.interface.get_method`.

    precip: (T, m, n), oldest first, T at least the model's context; NaN is missing. velocity: (2,
    m, n), pixels per time step along columns and rows, taken by models that go by motion; None:
    they find it themselves. timesteps: how many to forecast, or a rising list of whole numbers.
    Gives (members, timesteps, m, n), or (timesteps, m, n) of a deterministic method.

    Keywords as of pysteps' "steps": n_ens_members, seed, timestep and kmperpixel (checked against
    the model's), callback, return_output, measure_time. Others steer their methods alone and are
    refused, as by any function, by a TypeError.
    """

    def __init__(self, nowcaster: Nowcast, unit: str, method: str) -> None:
        if unit != DECIBELS and unit not in ("mm/h", "dBZ", "VIL"):
            raise Refusal(f"unit: got {unit!r}, expected mm/h, dBZ, VIL or dB")
        self.nowcaster, self.unit, self.method = nowcaster, unit, method
        self.__name__ = f"{nowcaster.name}_forecast"

    def __call__(
        self,
        precip: np.ndarray,
        velocity: np.ndarray | None,
        timesteps: int | Sequence[float],
        n_ens_members: int | None = None,
        timestep: float | None = None,
        kmperpixel: float | None = None,
        seed: int | None = None,
        callback: Callable[[np.ndarray], Any] | None = None,
        return_output: bool = True,
        measure_time: bool = False,
    ) -> Any:
        begun = time.monotonic()
        self._check_steps(timestep, kmperpixel)
        chosen = self._chosen(timesteps)
        made = self.nowcaster.forecast(
            _rain(precip) if self.unit == DECIBELS else precip,
            unit="mm/h" if self.unit == DECIBELS else self.unit,
            members=n_ens_members,
            seed=seed,
            method=self.method,
            motion=self._motion(velocity),
        )
        values = made.values[..., chosen, :, :]
        if self.unit == DECIBELS:
            values = _decibels(values)
        if callback is not None:
            for number in range(len(chosen)):
                callback(values[..., number, :, :])
        output = values if return_output else None
        if measure_time:
            return output, 0.0, time.monotonic() - begun
        return output

    def _motion(self, velocity: np.ndarray | None) -> np.ndarray | None:
        if velocity is None:
            return None
        if not self.nowcaster.goes_by_motion:
            warnings.warn(
                f"{self.nowcaster.name} does not go by a motion field: velocity is not used",
                stacklevel=3,
            )
            return None
        field = np.asarray(velocity)
        if field.ndim != 3 or len(field) != 2:
            raise Refusal(f"velocity: got {field.shape}, expected (2, m, n)")
        return np.moveaxis(field, 0, -1)

    def _chosen(self, timesteps: int | Sequence[float]) -> list[int]:
        """Indices of the frames to give."""
        most = self.nowcaster.target_frames
        wanted = range(1, timesteps + 1) if isinstance(timesteps, int) else list(timesteps)
        steps = [int(step) for step in wanted]
        rises = all(a < b for a, b in pairwise([0, *steps, most + 1]))
        if not steps or steps != list(wanted) or not rises:
            raise Refusal(
                f"timesteps: got {timesteps}, expected whole time steps from 1 to {most}, which "
                "the model was trained for, rising"
            )
        return [step - 1 for step in steps]

    def _check_steps(self, timestep: float | None, kmperpixel: float | None) -> None:
        pairs = (
            ("timestep", timestep, self.nowcaster.interval_minutes, "minutes"),
            ("kmperpixel", kmperpixel, self.nowcaster.pixel_km, "km"),
        )
        for name, found, own, unit in pairs:
            if found is None or own is None or np.isclose(found, own, rtol=0.05):
                continue
            raise Refusal(f"{name}: got {found:g}, the model's is {own:g} {unit}")


def _rain(decibels: np.ndarray) -> np.ndarray:
    """mm/h of 10 log10 of mm/h; NaN stays."""
    values = np.asarray(decibels, np.float64)
    return np.where(values < THRESHOLD_DB, 0.0, np.power(10.0, values / 10))


def _decibels(rain: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore"):
        values = 10 * np.log10(rain.astype(np.float64))
    return np.where(values < THRESHOLD_DB, ZERO_DB, values)
