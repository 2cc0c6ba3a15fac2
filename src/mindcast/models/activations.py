"""Numbers that the layers of a network write for one row, a member or a tile: what memory it takes.

Counted from the settings, hence before anything is built; all of it is whole numbers, no MindSpore.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from mindcast.kernels.build import library

BYTES = 4  # of a number, float32
# How much of all that is written stays as long as a compiled graph does: what MindSpore's own CPU
# operators keep for tables, and bounds of it with our kernels. Measured beside these counts by
# `python -m tests.bench.members`; a card keeps nothing.
KEPT_BY_TABLES, KEPT_WITH_KERNELS = 1.0, 0.25


@dataclass(frozen=True)
class Block:
    """Some layers in a row: the numbers that all of them write, and those handed on at the end."""

    written: int
    handed_on: int

    def __mul__(self, times: int) -> Block:
        """The same for so many rows at once."""
        return Block(times * self.written, times * self.handed_on)


def bytes_of(blocks: Iterable[Block], device: str) -> int:
    """Memory of one evaluation: the largest block at work, all results of blocks, what is kept.

    An upper bound: not every result is alive to the end, nor are all numbers of a block at once.
    """
    blocks = tuple(blocks)
    alive = sum(b.handed_on for b in blocks) + max((b.written for b in blocks), default=0)
    return int(BYTES * (alive + _kept(device) * sum(b.written for b in blocks)))


def _kept(device: str) -> float:
    if device != "CPU":
        return 0.0
    return KEPT_WITH_KERNELS if library() else KEPT_BY_TABLES
