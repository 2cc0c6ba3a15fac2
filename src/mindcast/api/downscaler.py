"""A trained downscaling for Python: coarse temperature in, an xarray of fine fields out."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mindcast.cases import DownscaleCase
from mindcast.forecasting import Forecasting
from mindcast.models.base import Patch
from mindcast.refusal import Refusal
from mindcast.samples import Sample
from mindcast.trained import Trained

if TYPE_CHECKING:
    import xarray  # late at run time

STATE = "state"  # coordinate along "time": a name for each state


class Downscaler:
    """A model with its weights; see `load_forecaster`.

    factor: fine points to a coarse cell, on a side. levels_hpa: pressure levels, hPa. methods: the
    forecasts that it can make.
    """

    def __init__(self, trained: Trained, model: Forecasting) -> None:
        self.settings, self.model = trained.settings, model
        window = trained.spec.window(trained.settings.model)
        if not isinstance(window, Patch):
            raise ValueError(f"{trained.spec.name} is for the task {trained.spec.task}")
        self._window = window
        self.name, self.factor = trained.spec.name, window.factor
        self.levels_hpa = tuple(float(level) for level in window.levels_hpa)
        self.methods = model.methods

    def __repr__(self) -> str:
        levels = ", ".join(f"{level:g}" for level in self.levels_hpa)
        return f"<{self.name}: {self.factor} times finer, {levels} hPa>"

    def forecast(
        self,
        fields: xarray.Dataset | str | os.PathLike[str],
        *,
        members: int | None = None,
        seed: int | None = None,
        method: str | None = None,
        at: Any = None,
        progress: Callable[[int], object] | None = None,
    ) -> xarray.Dataset:
        """The fine fields behind coarse ones, in the variables of the files of `--mode predict`.

        fields: a Dataset as a file of the data set holds it, with units: temperature on pressure
            levels, and what the model's priors need; or the path of such a file. Every point is a
            coarse cell. at: a valid time, UTC; None: all states, each at its place along "time",
            named by the coordinate "state".
        members, seed: None: those of the settings; they mean what `--members` and `--seed` do.
        method: one of `methods`; None: all of them. progress(k): as of a `Nowcaster`.

        Refusal (a ValueError) for what does not fit the model.
        """
        _check(members, seed)
        if method is not None and method not in self.methods:
            raise Refusal(f"method: got {method!r}, expected one of {', '.join(self.methods)}")
        chosen = self.methods if method is None else (method,)
        with tempfile.TemporaryDirectory() as folder:
            return self._made(_as_file(fields, Path(folder)), at, chosen, members, seed, progress)

    def _made(
        self,
        path: Path,
        at: Any,
        methods: tuple[str, ...],
        members: int | None,
        seed: int | None,
        progress: Callable[[int], object] | None,
    ) -> xarray.Dataset:
        import xarray

        from mindcast.data.temperature.coarse import open_coarse
        from mindcast.output.downscale import temperature_dataset

        time = None if at is None else np.datetime64(at, "s")
        coarse = open_coarse([str(path)], time, self.settings.data, self._window)
        states = []
        for number, label in enumerate(coarse.labels):
            given, where = coarse[number], coarse.coordinates(number)
            case = DownscaleCase(label, Sample(given), where, self.factor)
            for name in methods:
                parts = self.model.in_parts(name, given, members, seed, progress)
                made = np.concatenate([some for _, some in parts])
                case.forecasts[name] = made[0] if self.model.is_deterministic(name) else made
            about = {"model": self.name, "methods": list(methods), "notes": list(coarse.notes)}
            states.append(temperature_dataset(case, methods, about))
        if len(states) == 1:
            whole = states[0]
        else:
            whole = xarray.concat(states, "time", data_vars="minimal", combine_attrs="override")
        return whole.assign_coords({STATE: ("time", list(coarse.labels))})


def _check(members: int | None, seed: int | None) -> None:
    if members is not None and members < 1:
        raise Refusal(f"members: got {members}, expected 1 or more")
    if seed is not None and seed < 0:
        raise Refusal(f"seed: got {seed}, expected 0 or more")


def _as_file(fields: Any, folder: Path) -> Path:
    """Where the fields lie as NetCDF: what reads files then checks and converts them."""
    if isinstance(fields, str | os.PathLike):
        return Path(os.fspath(fields))
    if not hasattr(fields, "data_vars"):
        raise Refusal(
            f"fields: got {type(fields).__name__}, expected an xarray Dataset of temperature on "
            "pressure levels, or the path of such a NetCDF file"
        )
    path = folder / "fields.nc"
    try:
        fields.to_netcdf(path, engine="h5netcdf")
    except (ValueError, TypeError) as error:
        raise Refusal(f"fields: cannot be kept as NetCDF ({error}); mend its attributes") from None
    return path
