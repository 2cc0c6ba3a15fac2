"""Small nowcasts as files."""

import numpy as np

from mindcast.mapgrid import MapGrid
from mindcast.output.nowcast import NowcastFile

REFERENCE = np.datetime64("2016-07-11T18:00")
TIMES = REFERENCE + 5 * np.arange(1, 5).astype("m8[m]")
SHAPE = (6, 8)
THRESHOLDS = (20.0, 35.0)
SWISS = (
    "+proj=somerc +lon_0=7.43958333333333 +lat_0=46.9524055555556 +k_0=1 +x_0=600000 +y_0=200000 "
    "+ellps=bessel +towgs84=674.374,15.056,405.346,0,0,0,0 +units=m +no_defs"
)
DUTCH = "+proj=stere +lat_0=90 +lon_0=0 +lat_ts=60 +a=6378140 +b=6356750 +x_0=0 +y_0=0"
AUSTRALIAN = "+proj=aea +lon_0=153.24 +lat_0=-27.718 +lat_1=-26.2 +lat_2=-29.3 +ellps=GRS80"
NAMELESS = "+proj=gnom +lat_0=40 +lon_0=5 +ellps=WGS84"  # a projection that CF does not have


def grid(projection=SWISS, x=600_000.0, y=200_000.0):
    return MapGrid(x + 1000 * np.arange(SHAPE[1]), y - 1000 * np.arange(SHAPE[0]), projection)


def members(count=3):
    """Reflectivity; the first pixel is missing everywhere, the second in member 1 alone."""
    frames = 60 * np.random.default_rng(0).random((count, len(TIMES), *SHAPE), np.float32)
    frames[..., 0, 0] = np.nan
    frames[1:2, :, 0, 1] = np.nan
    return frames


def opened(path, frames=None, **changes):
    given = {
        "times": TIMES,
        "reference": REFERENCE,
        "unit": "dBZ",
        "grid": grid(),
        "shape": SHAPE,
        "members": 3 if frames is None else len(frames),
        "thresholds": THRESHOLDS,
        "provenance": {"model": "a model", "seed": 7},
    }
    return NowcastFile(path, **{**given, **changes})


def fill(file, numbered):
    with file:
        for member, frames in numbered:
            file.add(member, frames)


def write(path, frames=None, order=None, **changes):
    frames = members() if frames is None else frames
    numbers = order or range(len(frames))
    fill(opened(path, frames, **changes), ((member, frames[member]) for member in numbers))
    return path
