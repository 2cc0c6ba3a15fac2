"""What frozen networks make of the frames of batches, each frame computed once while memory lasts.

A frame is known by its content: what one sequence shares with the next, a mirror image that comes
again and a validation that comes again are found without a word from the data, and what is found
cannot belong to another frame.
"""

from __future__ import annotations

import hashlib
import logging

import numpy as np

from mindcast.compiled import compiled
from mindcast.models.base import Encoding
from mindcast.samples import Named

TRAINING_SHARE = 0.75  # of the memory; the rest is left to the validation, which always comes again
ENTRY_BYTES = 300  # of an array and its key in a dictionary, beside the content
DIGEST_BYTES = 16


class Encoder:
    """Gives the arrays of an `Encoding` for batches of samples, whatever it remembers of others.

    limit: bytes that may be remembered. Nothing makes way for another frame: every epoch uses each
    of them once, so that none is worth more than those that are there.
    graph: compile, once. Networks always get as many frames as a sample has, zeros where there are
    fewer: a frame's rows are the same whichever others are known.
    """

    def __init__(self, encoding: Encoding, limit: int, graph: bool) -> None:
        encoding.cell.set_train(False)
        self.names, self.limit, self.used = encoding.names, limit, 0
        self.encode = compiled(encoding.cell, graph)
        self._known: dict[bytes, np.ndarray] = {}
        self._told = limit == 0

    def __call__(self, named: Named, training: bool) -> Named:
        """The rows (N, T, ...) for arrays of a batch (N, T, H, W, C), by their own names."""
        arrays = {name: named[name] for name in self.names if name in named}
        keys = {name: [_digest(frame) for frame in _frames(a)] for name, a in arrays.items()}
        frames = {
            key: frame
            for name, array in arrays.items()
            for key, frame in zip(keys[name], _frames(array), strict=True)
        }
        at_once = sum(array.shape[1] for array in arrays.values())
        rows = self._rows(frames, at_once, training)
        return {
            self.names[name]: np.stack([rows[key] for key in keys[name]]).reshape(
                *array.shape[:2], *rows[keys[name][0]].shape
            )
            for name, array in arrays.items()
        }

    def _rows(
        self, frames: dict[bytes, np.ndarray], at_once: int, training: bool
    ) -> dict[bytes, np.ndarray]:
        """The row of every frame, by its key."""
        rows = {key: self._known[key] for key in frames if key in self._known}
        missing = [key for key in frames if key not in rows]
        for first in range(0, len(missing), at_once):
            part = missing[first : first + at_once]
            given = np.zeros((at_once, *frames[part[0]].shape), np.float32)
            for place, key in enumerate(part):
                given[place] = frames[key]
            for key, row in zip(part, self.encode(given).asnumpy(), strict=False):
                rows[key] = row
                self._remember(key, row, training)
        return rows

    def _remember(self, key: bytes, row: np.ndarray, training: bool) -> None:
        limit = TRAINING_SHARE * self.limit if training else self.limit
        if self.used + row.nbytes + ENTRY_BYTES <= limit:
            self.used += row.nbytes + ENTRY_BYTES
            self._known[key] = row.copy()  # a view would keep the rows beside it
        elif not self._told:
            self._told = True
            logging.getLogger().info(
                "encoded frames fill their memory; further ones are encoded at every visit "
                "(runtime.encoded_mib)"
            )


def _frames(array: np.ndarray) -> np.ndarray:
    return array.reshape(-1, *array.shape[2:])


def _digest(frame: np.ndarray) -> bytes:
    return hashlib.blake2b(frame.tobytes(), digest_size=DIGEST_BYTES).digest()
