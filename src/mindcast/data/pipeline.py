"""Batches of samples, shuffled and augmented by keyed draws, read ahead.

What a batch holds depends on (seed, epoch, number of the batch) alone: not on the number of
workers, nor on how often the run was stopped and resumed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from mindcast.data.base import Augmentation, Samples, checked
from mindcast.data.read_ahead import ReadAhead
from mindcast.refusal import Refusal
from mindcast.samples import Change, Sample, stacked

ORDER, AUGMENTATION, DERIVATION = 0, 1, 2  # first word of the key of a draw: what it is for
Batch = tuple[np.ndarray, Sample[Any]]


class Batches:
    """The batches of every epoch of one split.

    augmentation: what changes every sample anew in every epoch, see `find_augmentation`.
    derive: what is added to every sample after that, see `models.base.Stage.derive`.
    shuffle: else samples come in the order of the split.
    drop_remainder: leave out the last batch where it is smaller.
    workers: processes that read; 1 reads in a thread.
    """

    def __init__(
        self,
        samples: Samples,
        batch_size: int,
        seed: int,
        augmentation: Augmentation | None = None,
        derive: Change | None = None,
        shuffle: bool = True,
        drop_remainder: bool = True,
        workers: int = 1,
    ) -> None:
        self.samples, self.batch_size, self.seed = samples, batch_size, seed
        self.shuffle, self.drop_remainder = shuffle, drop_remainder
        self.batches_per_epoch = self._count()
        self._ahead = ReadAhead(Reader(samples, augmentation, derive, seed), workers)

    def epoch(self, epoch: int, start: int = 0, every: int = 1) -> Iterator[Batch]:
        """Batches of (keys (N,) int64, N samples as one), from number `start` on.

        every: how many are dealt out at a time, this process taking the first of each deal.
        Refusal if a sample cannot be read or holds NaN or infinity.
        """
        order, size = self._order(epoch), self.batch_size
        numbers = range(start, self.batches_per_epoch, every)
        yield from self._ahead.results((epoch, order[k * size : (k + 1) * size]) for k in numbers)

    def _count(self) -> int:
        total = len(self.samples)
        if total < (self.batch_size if self.drop_remainder else 1):
            raise Refusal(
                f"{self.samples.source}: {total} samples, expected at least a batch, "
                f"{self.batch_size}; lower the batch size or give more data"
            )
        return total // self.batch_size if self.drop_remainder else -(-total // self.batch_size)

    def _order(self, epoch: int) -> np.ndarray:
        order = np.arange(len(self.samples))
        return _generator(self.seed, ORDER, epoch).permutation(order) if self.shuffle else order


@dataclass(frozen=True)
class Reader:
    """Reads, augments and completes the samples of one batch; a copy serves in every process that
    reads."""

    samples: Samples
    augmentation: Augmentation | None
    derive: Change | None
    seed: int

    def __call__(self, epoch: int, numbers: np.ndarray) -> Batch:
        """The batch of samples `numbers`, augmented for an epoch; Refusal as `checked`."""
        keys = self.samples.keys[numbers]
        return keys, stacked([self._sample(int(number), epoch) for number in numbers])

    def _sample(self, number: int, epoch: int) -> Sample[Any]:
        sample, key = checked(self.samples, number), int(self.samples.keys[number])
        for kind, change in ((AUGMENTATION, self.augmentation), (DERIVATION, self.derive)):
            if change is not None:
                sample = change(sample, _generator(self.seed, kind, epoch, key))
        return sample


def _generator(seed: int, *key: int) -> np.random.Generator:
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))
