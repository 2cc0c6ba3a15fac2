import numpy as np
from PIL import Image

from mindcast.visualization.case import Case


def make_case(members=3, context=4, frames=6, side=12):
    rng = np.random.default_rng(0)
    shape = (frames, side, side, 1)
    return Case(
        "ours",
        rng.random((context, *shape[1:]), np.float32),
        rng.random(shape, np.float32),
        rng.random((members, *shape), np.float32),
        np.datetime64("2020-10-31T07:00") + 10 * np.arange(context + frames).astype("m8[m]"),
    )


def pixels(path):
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))
