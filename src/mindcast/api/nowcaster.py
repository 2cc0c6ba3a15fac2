"""A trained nowcast for Python: frames of rain in, an xarray of frames to come out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from mindcast.api.frames import check_pixels, forecast_array, frames_of, in_unit
from mindcast.api.pysteps import PystepsMethod
from mindcast.data.incoming.model_input import as_input
from mindcast.forecasting import Forecasting
from mindcast.models.base import Window
from mindcast.refusal import Refusal
from mindcast.tasks.nowcast.future import Future, needed_by
from mindcast.trained import Trained

if TYPE_CHECKING:
    import xarray  # late at run time


class Nowcaster:
    """A model with its weights; see `load_forecaster`.

    context_frames: that a forecast takes, `interval_minutes` apart. target_frames: that it gives.
    frame: (H, W) that the networks are built for; other sizes are forecast in tiles or with nothing
    around them. unit: of the model's values, "dBZ" or "VIL". pixel_km: side of its pixels, None
    where that is not known; frames are taken as they are. methods: the forecasts that it can make.
    """

    def __init__(self, trained: Trained, model: Forecasting) -> None:
        data = trained.settings.data
        self.settings, self.model = trained.settings, model
        window = trained.spec.window(trained.settings.model)
        if not isinstance(window, Window):
            raise ValueError(f"{trained.spec.name} is for the task {trained.spec.task}")
        self._window = window
        needed = needed_by(trained.settings, window)
        self._needed = replace(needed, pixel_km=None)
        self.name, self.frame = trained.spec.name, window.frame
        self.context_frames = window.context
        self.target_frames = window.length - window.context
        self.interval_minutes = int(data.interval_minutes)
        self.unit, self.pixel_km = needed.unit, needed.pixel_km
        self.methods = model.methods

    def __repr__(self) -> str:
        return (
            f"<{self.name}: {self.context_frames} -> {self.target_frames} frames of "
            f"{self.frame[0]} x {self.frame[1]}, {self.interval_minutes} min, {self.unit}>"
        )

    def forecast(
        self,
        frames: np.ndarray | xarray.DataArray,
        *,
        unit: str | None = None,
        members: int | None = None,
        seed: int | None = None,
        method: str | None = None,
        motion: np.ndarray | None = None,
        progress: Callable[[int], object] | None = None,
    ) -> xarray.DataArray:
        """The frames that follow: (realization, time, y, x), without the first of them of a
        deterministic method; in the unit of the input, NaN where its last frame is missing, or the
        motion brings what was.

        frames: (T, H, W), oldest first, the newest ones are used. NumPy: in `unit` ("dBZ", "mm/h"
            or "VIL"), `interval_minutes` apart. xarray: with units and a coordinate "time", which
            is checked; its coordinates of pixels are those of the forecast.
        members, seed: None: those of the settings. Member m of a seed is always the same, that of
            `--mode predict --seed` too.
        method: one of `methods`; None: the first that draws members, else the first.
        motion: (H, W, 2), pixels per frame along columns and rows, to go by; None: as found in the
            frames. progress(k): called whenever k more sampling steps of a member are done.

        Refusal (a ValueError) for what does not fit the model.
        """
        method = self._method(method)
        if members is not None and members < 1:
            raise Refusal(f"members: got {members}, expected 1 or more")
        if seed is not None and seed < 0:
            raise Refusal(f"seed: got {seed}, expected 0 or more")
        check_pixels(frames, self.pixel_km)
        given, notes = frames_of(frames, unit, self._needed)
        incoming = as_input(given, self._needed, self.settings.input, notes)
        field = self._motion(motion, incoming.context.shape[1:3])
        future = Future(incoming, self.settings, self._window, field)
        parts = self.model.in_parts(method, future.input, members, seed, progress)
        physical = [future.physical(f) for _, made in parts for f in made]
        how = self.settings.input
        made = np.stack([in_unit(f, self.unit, given.unit, how) for f in physical])
        if self.model.is_deterministic(method):
            made = made[0]
        leads = np.arange(1, self.target_frames + 1) * float(self.interval_minutes)
        about = {"source": f"{self.name}, method {method}", "comment": "; ".join(incoming.notes)}
        return forecast_array(made, given.unit, leads, incoming.times[-1], frames, about)

    def pysteps_method(self, unit: str, method: str | None = None) -> PystepsMethod:
        """A function that can stand where a nowcast method of pysteps stands, see `PystepsMethod`.

        unit: of the fields that it takes and gives: "mm/h", "dBZ", "VIL", or "dB" for 10 log10 of
        mm/h as `pysteps.utils.transformation.dB_transform` makes them.
        """
        return PystepsMethod(self, unit, self._method(method))

    @property
    def goes_by_motion(self) -> bool:
        """Whether a motion can be given."""
        return getattr(self.settings.model, "motion", None) is not None

    def _method(self, name: str | None) -> str:
        if name is None:
            drawn = [m for m in self.methods if not self.model.is_deterministic(m)]
            return (drawn or list(self.methods))[0]
        if name not in self.methods:
            raise Refusal(f"method: got {name!r}, expected one of {', '.join(self.methods)}")
        return name

    def _motion(self, motion: np.ndarray | None, shape: tuple[int, ...]) -> np.ndarray | None:
        """The motion to go by, checked; Refusal where there can be none."""
        if motion is None:
            return None
        if not self.goes_by_motion:
            raise Refusal(f"motion: {self.name} of these settings goes by none; leave it out")
        expected = (*shape, 2)
        field = np.asarray(motion, np.float32)
        if field.shape != expected or not np.isfinite(field).all():
            raise Refusal(
                f"motion: got {field.shape}, expected {expected}, finite pixels per frame"
            )
        return field
