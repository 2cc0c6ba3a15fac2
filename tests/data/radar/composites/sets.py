"""Tiny composites as .npy files of dBZ, 5 minutes apart, and settings of sets made of them."""

from datetime import datetime, timedelta
from types import SimpleNamespace

import numpy as np

from mindcast.data.radar.archive.settings import SevirLRSettings
from mindcast.data.radar.sequences.settings import ShanghaiSettings

START = datetime(2020, 7, 1, 12, 0)
STEP = timedelta(minutes=5)
SIZE = (12, 16)


def window(length, context=2, frame=(4, 4), stride=1):
    return SimpleNamespace(length=length, stride=stride, frame=frame, context=context)


def write(folder, numbers, value=None):
    """Frame k is wet on the right (30 + k dBZ), dry on the left, and unseen at its left edge."""
    folder.mkdir(parents=True, exist_ok=True)
    for k in numbers:
        frame = np.zeros(SIZE, np.float32)
        frame[:, 8:] = 30 + k if value is None else value
        frame[:, 0] = np.nan
        np.save(folder / f"radar_{START + k * STEP:%Y%m%d_%H%M}.npy", frame)
    return str(folder)


def period(first, last):
    """[from, to) that holds the frames with these numbers."""
    return [str(START + first * STEP), str(START + last * STEP + STEP)]


def shanghai(root, inputs, **composites):
    how = {
        "inputs": [inputs] if isinstance(inputs, str) else inputs,
        "input": {"unit": "dBZ"},
        "tile": [4, 4],
        "length": 3,
        "stride": 1,
        "tiles": 1,
        "tile_gap": 2,
        **composites,
    }
    interval = how.pop("interval_minutes", 5)
    return ShanghaiSettings(
        name="shanghai", root_dir=str(root), interval_minutes=interval, composites=how
    )


def sevir_lr(root, inputs, **settings):
    how = {"inputs": [inputs], "input": {"unit": "dBZ"}, "stride": 1, "tiles": 1}
    return SevirLRSettings(
        name="sevir_lr",
        root_dir=str(root),
        frame_size=(4, 4),
        frames_per_event=3,
        interval_minutes=5,
        **{"composites": how, **settings},
    )
