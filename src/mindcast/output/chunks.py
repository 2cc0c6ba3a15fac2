"""Chunks of an HDF5 variable, packed by all cores: HDF5's own filters use one."""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from typing import Any

import h5py
import numpy as np

LEVEL = 4
PACKING: dict[str, Any] = {"compression": "gzip", "compression_opts": LEVEL, "shuffle": True}
Place = tuple[int, ...]


class Packer:
    """Writes whole fields to variables that were made with `PACKING`; a context manager."""

    def __enter__(self) -> Packer:
        self._threads = ThreadPoolExecutor(os.cpu_count(), thread_name_prefix="pack")
        return self

    def __exit__(self, *_: object) -> None:
        self._threads.shutdown(cancel_futures=True)

    def write(self, variable: h5py.Dataset, place: Place, values: np.ndarray) -> None:
        """Write values (..., H, W) at the first indices `place`, which leave as many axes.

        The variable's chunks are of one element along all axes but the last two. zlib lets other
        threads work while it packs; the bytes are those that HDF5 would write.
        """
        places, blocks = zip(*_blocks(variable, place, values), strict=True)
        for at, packed in zip(places, self._threads.map(_packed, blocks), strict=True):
            variable.id.write_direct_chunk(at, packed)


def _blocks(
    variable: h5py.Dataset, place: Place, values: np.ndarray
) -> Iterator[tuple[Place, np.ndarray]]:
    """Where each chunk begins, and what is to be in it; those at the edges are filled up."""
    sides = variable.chunks[-2:]
    for index in np.ndindex(values.shape[:-2]):
        for corner in product(*map(range, (0, 0), values.shape[-2:], sides)):
            rows, columns = (slice(a, a + side) for a, side in zip(corner, sides, strict=True))
            block = values[index][rows, columns]
            if block.shape != sides:
                whole = np.full(sides, variable.fillvalue, variable.dtype)
                whole[: block.shape[0], : block.shape[1]] = block
                block = whole
            yield (*place, *index, *corner), block


def _packed(block: np.ndarray) -> bytes:
    """As HDF5's filters pack it: first bytes of all numbers, then second bytes ..."""
    number_bytes = np.ascontiguousarray(block).view(np.uint8).reshape(-1, block.itemsize)
    return zlib.compress(number_bytes.T.tobytes(), LEVEL)
