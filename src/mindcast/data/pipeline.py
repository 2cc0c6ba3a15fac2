"""Batches of samples, shuffled and augmented by keyed draws, read ahead by mindspore.dataset.

What a batch holds depends on (seed, epoch, number of the batch) alone: not on the number of
workers, nor on how often the run was stopped and resumed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from mindspore.dataset import GeneratorDataset

from mindcast.data.base import Augmentation, Samples, checked
from mindcast.refusal import Refusal
from mindcast.samples import Sample, from_named

ORDER, AUGMENTATION = 0, 1  # first word of the key of a draw: what it is for
KEY, PROBLEM = "key", "problem"  # columns that travel beside the arrays of a sample
Batch = tuple[np.ndarray, Sample[Any]]


class Batches:
    """The batches of every epoch of one split.

    augmentation: what changes every sample anew in every epoch, see `find_augmentation`.
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
        shuffle: bool = True,
        drop_remainder: bool = True,
        workers: int = 1,
    ) -> None:
        self.samples, self.batch_size, self.seed = samples, batch_size, seed
        self.augmentation, self.shuffle, self.drop_remainder = augmentation, shuffle, drop_remainder
        self.workers = workers
        self.batches_per_epoch = self._count()

    def epoch(self, epoch: int, start: int = 0, every: int = 1) -> Iterator[Batch]:
        """Batches of (keys (N,) int64, N samples as one), from number `start` on.

        every: how many are dealt out at a time, this process taking the first of each deal.
        Refusal if a sample cannot be read or holds NaN or infinity.
        """
        order = self._order(epoch)
        numbers = range(start, self.batches_per_epoch, every)
        if not numbers:
            return
        size = self.batch_size
        order = np.concatenate([order[k * size : (k + 1) * size] for k in numbers])
        source = _Source(self.samples, order, self.augmentation, self.seed, epoch)
        dataset = GeneratorDataset(
            source,
            [KEY, *source.shapes, PROBLEM],
            shuffle=False,  # the order is ours
            num_parallel_workers=self.workers,
            python_multiprocessing=self.workers > 1,
        ).batch(self.batch_size)
        iterator = dataset.create_dict_iterator(num_epochs=1, output_numpy=True)
        try:
            for columns in iterator:
                for problem in filter(None, columns.pop(PROBLEM).ravel()):
                    raise Refusal(str(problem))
                keys = columns.pop(KEY)
                yield keys, from_named(self.samples.input_type, columns)
        finally:
            iterator.stop()

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


class _Source:
    """The samples of one epoch in their order, augmented, as a random-access source of columns."""

    def __init__(
        self,
        samples: Samples,
        order: np.ndarray,
        augmentation: Augmentation | None,
        seed: int,
        epoch: int,
    ) -> None:
        self.samples, self.order, self.augmentation = samples, order, augmentation
        self.seed, self.epoch = seed, epoch
        self.shapes = samples.shapes

    def __len__(self) -> int:
        return len(self.order)

    def __getitem__(self, position: int) -> tuple[np.ndarray, ...]:
        """Key, arrays and "" - or what was wrong.

        A Refusal travels as data: MindSpore would turn an exception into many lines of its own.
        """
        index = int(self.order[position])
        key = self.samples.keys[index]
        try:
            named, problem = self._sample(index, int(key)).named, ""
        except Refusal as refusal:
            named = {name: np.zeros(shape, np.float32) for name, shape in self.shapes.items()}
            problem = str(refusal)
        arrays = (named[name] for name in self.shapes)
        return np.asarray(key, np.int64), *arrays, np.asarray(problem)

    def _sample(self, index: int, key: int) -> Sample[Any]:
        sample = checked(self.samples, index)
        if self.augmentation is None:
            return sample
        return self.augmentation(sample, _generator(self.seed, AUGMENTATION, self.epoch, key))


def _generator(seed: int, *key: int) -> np.random.Generator:
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))
