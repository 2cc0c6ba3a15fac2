"""Cases of both tasks that the tests of tasks, pictures and files share."""

import numpy as np

from mindcast.cases import DownscaleCase, NowcastCase
from mindcast.samples import Axis, Coordinates, DownscaleInput, NowcastInput, Sample

LEVELS = (1000.0, 850.0, 500.0, 200.0)
SHAPE = (len(LEVELS), 8, 12, 1)


def make_nowcast(members=3, context=4, frames=6, side=12):
    """Forecasts of "ours", an ensemble."""
    rng = np.random.default_rng(0)
    shape = (frames, side, side, 1)
    known = rng.random((context, *shape[1:]), np.float32)
    sample = Sample(NowcastInput(known), rng.random(shape, np.float32))
    times = np.datetime64("2020-10-31T07:00") + 10 * np.arange(context + frames).astype("m8[m]")
    case = NowcastCase("event", sample, times, 255.0, "VIL")
    case.forecasts["ours"] = rng.random((members, *shape), np.float32)
    return case


def make_downscale(count=3, with_deterministic=True, **changes):
    """Forecasts of "ours", an ensemble, "bicubic" and maybe "single"; changes: of `make_fields`.

    latitude, levels_hpa: see `place`.
    """
    where = {name: changes.pop(name) for name in ("latitude", "levels_hpa") if name in changes}
    rng = np.random.default_rng(0)

    def draw(*leading):
        return (260 + rng.standard_normal((*leading, *SHAPE))).astype(np.float32)

    forecasts = {"bicubic": draw(), "ours": draw(count)}
    if with_deterministic:
        forecasts["single"] = draw()
    return DownscaleCase("state", make_fields(**changes), place(**where), 4, forecasts=forecasts)


def make_fields(**changes):
    """A sample of the task "downscale" with factor 4; changes: arrays by name, truth among them."""
    rng = np.random.default_rng(1)
    coarse, (height, width) = (len(LEVELS), 2, 3), SHAPE[1:3]
    arrays = {
        "temperature_lr": 260 + rng.standard_normal((*coarse, 1)),
        "wind_lr": np.zeros((*coarse, 3)),
        "priors_lr": np.zeros((*coarse, 7)),
        "statics": np.zeros((height, width, 3)),
        "metric": np.ones((height, width, 4)),
        "weight": np.ones(SHAPE),
        "truth": 260 + rng.standard_normal(SHAPE),
        **changes,
    }
    arrays = {name: None if a is None else a.astype(np.float32) for name, a in arrays.items()}
    truth = arrays.pop("truth")
    return Sample(DownscaleInput(**arrays), truth)


def place(latitude=None, levels_hpa=LEVELS):
    """Coordinates of a regular grid with such latitudes, or else of a map's."""
    _, height, width, _ = SHAPE
    longitude = np.linspace(0, width - 1, width)
    if latitude is None:
        latitude = np.linspace(60, 50, height)
        y, x = (Axis(n, "m", 1000.0 * np.arange(k)) for n, k in (("y", height), ("x", width)))
    else:
        y = Axis("latitude", "degrees_north", latitude)
        x = Axis("longitude", "degrees_east", longitude)
    grid = np.meshgrid(latitude, longitude, indexing="ij")
    return Coordinates(y, x, *grid, tuple(levels_hpa), np.datetime64("2018-09-17T00:00"))
