"""An archive read from its first window to its last, as a training does. Loads no MindSpore."""

from __future__ import annotations

from typing import Any

import h5py

from mindcast.data import open_split
from mindcast.data.pipeline import Batches
from mindcast.data.radar.archive.event_files import SEVIR_SHAPE
from mindcast.data.radar.archive.settings import SevirSettings
from mindcast.models.base import Window

LENGTH, CONTEXT, STRIDE = 13, 7, 13  # frames, as PreDiff takes them
BATCH = 4


class ReadingSide:
    """The batches of one epoch, shuffled, in the thread that reads ahead."""

    version = f"h5py {h5py.version.version}"

    def prepare(self, root: str) -> dict[str, Any]:
        """Open the archive."""
        settings = SevirSettings(name="sevir", root_dir=root, val_fraction=0.0)
        window = Window(LENGTH, STRIDE, SEVIR_SHAPE[:2], CONTEXT)
        batches = Batches(open_split(settings, "train", window), BATCH, seed=0)
        self.total, self.done = batches.batches_per_epoch, 0
        self.epoch = batches.epoch(0)
        return {"windows": BATCH * self.total}

    def read_until(self, share: float) -> dict[str, Any]:
        """Read on until that share of all windows is read."""
        while self.done < round(share * self.total):
            next(self.epoch)
            self.done += 1
        return {"windows": BATCH * self.done}


def start() -> ReadingSide:
    """The side."""
    return ReadingSide()
