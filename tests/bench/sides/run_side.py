"""Runs of configurations, with data and a file to predict from, that nobody trained."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import mindspore as ms
import numpy as np
import xarray as xr

from mindcast.config.schema import RunSettings
from mindcast.data import open_split
from mindcast.data.radar.archive.rain import rain_event
from mindcast.models import load_spec
from mindcast.settings import load_settings
from tests.untrained import untrained_run_of

INTERVAL_MINUTES = 5
LAST = "2020-07-01 12:00"


class RunSide:
    """One run after the other."""

    version = f"mindspore {ms.__version__}"

    def prepare(self, config: str, changes: list[str], folder: str) -> dict[str, Any]:
        """A run folder with checkpoints, its data made; `predict`: the options that --mode predict
        takes to forecast a file of one's own."""
        settings = load_settings(config, changes)
        spec, root = load_spec(settings.model.name), Path(folder)
        open_split(settings.data, "test", spec.window(settings.model))
        untrained_run_of(root / "run", settings)
        given = _coarse_file if spec.task == "downscale" else _frames_file
        return {"predict": given(root, settings)}


def _frames_file(folder: Path, settings: RunSettings) -> list[str]:
    """Frames of rain in codes."""
    model, path = settings.model, folder / "frames.npy"
    rng = np.random.default_rng(0)
    codes = rain_event(rng, model.frame_size[0], model.context_frames, INTERVAL_MINUTES)
    np.save(path, np.moveaxis(codes, -1, 0).astype(np.float32))
    return ["--input", str(path), "--set", "input.unit=VIL", "--set", f"input.last_time={LAST}"]


def _coarse_file(folder: Path, settings: RunSettings) -> list[str]:
    """A part of the first state that was made, as large as the coarse cells of a training crop."""
    path = folder / "coarse.nc"
    rows, columns = (points // settings.model.factor for points in settings.model.frame_size)
    first = min(Path(settings.data.root_dir).glob("*.nc"))
    with xr.open_dataset(first, engine="h5netcdf") as whole:
        part = whole.isel(time=[0], lat=slice(rows), lon=slice(columns))
        part.to_netcdf(path, engine="h5netcdf")
    return ["--input", str(path)]


def start() -> RunSide:
    """The side; the device is started."""
    return RunSide()
