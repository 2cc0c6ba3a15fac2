"""Batches of sequences, shuffled and augmented by keyed draws, read ahead by mindspore.dataset.

What a batch holds depends on (seed, epoch, number of the batch) alone: not on the number of
workers, nor on how often the run was stopped and resumed.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from mindspore.dataset import GeneratorDataset

from src.data.augment import augment, check_augmentation
from src.data.base import Sequences
from src.refusal import Refusal

ORDER, TURNS = 0, 1  # first word of the key of a draw: what it is for


class Batches:
    """The batches of every epoch of one split, for one of `shard[1]` data-parallel processes.

    augmentation: see `augment`. shuffle: else samples come in the order of the split.
    drop_remainder: leave out the last batch where it is smaller, so that all processes see the
        same number of batches.
    shard: (number of this process, how many there are); together they see every sample once.
    workers: processes that read; 1 reads in a thread.
    """

    def __init__(
        self,
        sequences: Sequences,
        batch_size: int,
        seed: int,
        augmentation: int = 0,
        shuffle: bool = True,
        drop_remainder: bool = True,
        shard: tuple[int, int] = (0, 1),
        workers: int = 1,
    ) -> None:
        check_augmentation(augmentation, sequences.frame_shape)
        self.sequences, self.batch_size, self.seed = sequences, batch_size, seed
        self.augmentation, self.shuffle, self.drop_remainder = augmentation, shuffle, drop_remainder
        self.shard, self.workers = shard, workers
        self.batches_per_epoch = self._count()

    def epoch(self, epoch: int, start: int = 0) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Batches of (keys (N,) int64, sequences (N, T, H, W, 1)), from batch number `start` on.

        Refusal if a sample cannot be read or holds NaN or infinity.
        """
        order = self._order(epoch)[start * self.batch_size : self._samples()]
        if not len(order):
            return
        source = _Source(self.sequences, order, self.augmentation, self.seed, epoch)
        dataset = GeneratorDataset(
            source,
            ["key", "sequence", "problem"],
            shuffle=False,  # the order is ours
            num_parallel_workers=self.workers,
            python_multiprocessing=self.workers > 1,
        ).batch(self.batch_size)
        iterator = dataset.create_tuple_iterator(num_epochs=1, output_numpy=True)
        try:
            for keys, batch, problems in iterator:
                _raise_first(problems)
                yield keys, batch
        finally:
            iterator.stop()

    def _count(self) -> int:
        total, (rank, processes) = len(self.sequences), self.shard
        least = self.batch_size * processes if self.drop_remainder else processes
        if total < least:
            raise Refusal(f"{self.sequences.source}: {total} samples, expected at least {least} "
                          f"({self.batch_size} a batch, {processes} processes); "
                          "lower the batch size or give more data")  # fmt: skip
        if self.drop_remainder:
            return total // least
        mine = len(range(rank, total, processes))
        return -(-mine // self.batch_size)

    def _samples(self) -> int:
        """How many samples of an epoch this process sees."""
        return self.batches_per_epoch * self.batch_size

    def _order(self, epoch: int) -> np.ndarray:
        """This process's samples of an epoch: every `processes`-th of one common order."""
        rank, processes = self.shard
        order = np.arange(len(self.sequences))
        if self.shuffle:
            order = _generator(self.seed, ORDER, epoch).permutation(order)
        return order[rank::processes]


class _Source:
    """The samples of one epoch in their order, augmented, as a random-access source."""

    def __init__(
        self, sequences: Sequences, order: np.ndarray, augmentation: int, seed: int, epoch: int
    ) -> None:
        self.sequences, self.order, self.augmentation = sequences, order, augmentation
        self.seed, self.epoch = seed, epoch

    def __len__(self) -> int:
        return len(self.order)

    def __getitem__(self, position: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Key, sequence and "" - or what was wrong.

        A Refusal travels as data: MindSpore would turn an exception into many lines of its own.
        """
        index = int(self.order[position])
        key = self.sequences.keys[index]
        try:
            sequence, problem = self._sequence(index, int(key)), ""
        except Refusal as refusal:
            sequence, problem = self._blank(index), str(refusal)
        return np.asarray(key, np.int64), sequence, np.asarray(problem)

    def _sequence(self, index: int, key: int) -> np.ndarray:
        sequence = self.sequences[index]
        if not np.isfinite(sequence).all():
            raise Refusal(f"{self.sequences.source}: sample {self.sequences.label(index)} holds "
                          "NaN or infinity; mend the data or leave the event out")  # fmt: skip
        rng = _generator(self.seed, TURNS, self.epoch, key)
        return augment(sequence, self.augmentation, rng)

    def _blank(self, index: int) -> np.ndarray:
        frames = len(self.sequences.times(index))
        return np.zeros((frames, *self.sequences.frame_shape, 1), np.float32)


def _generator(seed: int, *key: int) -> np.random.Generator:
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))


def _raise_first(problems: np.ndarray) -> None:
    for problem in problems.ravel():
        if problem:
            raise Refusal(str(problem))
