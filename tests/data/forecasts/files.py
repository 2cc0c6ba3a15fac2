"""Small files of forecasts and of what was observed, on one map."""

import numpy as np

from mindcast.mapgrid import MapGrid
from mindcast.output.nowcast import NowcastFile

SWISS = "EPSG:2056"
START = np.datetime64("2020-06-01T12:00:00")
STEP = np.timedelta64(300, "s")
SIDE, LEADS = 24, 3


def grid(side=SIDE, pixel=2000.0, x=2_600_000.0, y=1_200_000.0, projection=SWISS):
    """x, y: of the upper left corner."""
    centres = pixel * (np.arange(side) + 0.5)
    return MapGrid(x + centres, y - centres, projection)


def frames(count, side=SIDE, seed=0):
    """(count, side, side), float32, 10 to 60 dBZ: nothing weak that would be cut off."""
    return 10 + 50 * np.random.default_rng(seed).random((count, side, side), np.float32)


def write_forecast(path, values, where=None, start=START, unit="dBZ", thresholds=(20.0, 40.0)):
    """Members (M, T, H, W) or one field (T, H, W), from 5 minutes after `start` on."""
    has_members = values.ndim == 4
    times = start + STEP * np.arange(1, values.shape[-3] + 1)
    with NowcastFile(
        path,
        times=times,
        reference=start,
        unit=unit,
        grid=where,
        shape=values.shape[-2:],
        members=len(values) if has_members else None,
        thresholds=thresholds,
        provenance={"model": "a model"},
    ) as file:
        for number, member in enumerate(values if has_members else values[np.newaxis]):
            file.add(number, member.astype(np.float32))
    return path


def write_observed(path, values, where=None, first=START, unit="dBZ"):
    """What was observed from `first` on, (T, H, W), every five minutes."""
    return write_forecast(path, values, where, first - STEP, unit)
