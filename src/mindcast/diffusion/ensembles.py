"""Ensembles: what a plan makes of the noise of every (case, member), several rows at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeVar

import numpy as np
from mindspore import Tensor, nn, ops

from mindcast.compiled import compiled
from mindcast.diffusion.samplers.base import Plan
from mindcast.diffusion.sampling import Estimated, MemberNoise, sample

Row = TypeVar("Row")
Progress = Callable[[int], object]


def equal_length(rows: int, size: int) -> int:
    """Of the batches, as few as hold so many rows `size` at a time: of 12 rows by 8, two of 6."""
    batches = -(-rows // size)
    return -(-rows // batches)


def equal_batches(
    rows: Sequence[Row], size: int, length: int | None = None
) -> Iterator[tuple[int, list[Row]]]:
    """Batches of one length, by default `equal_length`: (how many of its rows count, rows).

    The last one is filled up with its first row, so that one compilation serves all.
    """
    length = length or equal_length(len(rows), size)
    for first in range(0, len(rows), length):
        batch = list(rows[first : first + length])
        yield len(batch), batch + batch[:1] * (length - len(batch))


class EnsembleSampler:
    """Draws the members of ensembles; member m of a case is the same in any batch.

    networks: all that a forecast asks; they are put in evaluation mode.
    batch_size: the most rows at a time. graph: whether functions are compiled or run as they are.
    """

    def __init__(
        self, networks: Iterable[nn.Cell], plan: Plan, batch_size: int, seed: int, graph: bool
    ) -> None:
        for network in networks:
            network.set_train(False)
        self.plan, self.batch_size, self.seed, self.graph = plan, batch_size, seed, graph
        self._lengths: dict[tuple[int, ...], int] = {}

    def compiled(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """A cell or function of arrays, compiled where wanted; see `mindcast.compiled`."""
        return compiled(function, self.graph)

    def draw(
        self,
        step: Callable[..., Estimated],
        keys: Sequence[int],
        members: int,
        shape: Sequence[int],
        conditioning: Sequence[Tensor] = (),
        progress: Progress | None = None,
        run: Callable[..., np.ndarray] = sample,
        runs: int = 1,
        per_member: bool = False,
        first: int = 0,
        seed: int | None = None,
    ) -> np.ndarray:
        """Samples (N, M, ...) float32: `members` of each of the cases that `keys` name.

        step: as `diffusion.sampling.sample` takes it. shape: of one draw of noise, without the
        batch axis. conditioning: tensors (N, ...), what the step takes after the noise; with
        `per_member` (N M, ...), members varying fastest.
        run: as `sample`, which it stands for; it follows the plan `runs` times.
        progress(k): called whenever k more steps of one member are done, all their runs included.
        first: number of the first member. seed: of these draws; None: that of the sampler.
        """
        seed = self.seed if seed is None else seed
        rows = [(case, member) for case in range(len(keys)) for member in range(members)]
        made = []
        for count, batch in equal_batches(rows, self.batch_size, self._length(len(rows), shape)):
            streams = [(int(keys[case]), first + m) for case, m in batch]
            noise = MemberNoise(seed, streams, shape)
            places = [case * members + m if per_member else case for case, m in batch]
            numbers = Tensor(np.array(places, np.int32))
            chosen = [ops.gather(array, numbers, 0) for array in conditioning]
            done = None if progress is None else _every(runs, count, progress)
            made.append(run(step, self.plan, noise, chosen, done)[:count])
        samples = np.concatenate(made)
        return samples.reshape(len(keys), members, *samples.shape[1:])

    def _length(self, rows: int, shape: Sequence[int]) -> int:
        """Of the batches of these rows: that of the ones before, where it is compiled already.

        The last part of an ensemble, or the last cases of a test, are a few rows less; up to as
        many again are added, whose results are thrown away, rather than that it is compiled anew.
        """
        length = equal_length(rows, self.batch_size)
        before = self._lengths.get(tuple(shape), 0)
        if self.graph and length <= before <= 2 * length:
            return before
        self._lengths[tuple(shape)] = length
        return length


def _every(runs: int, rows: int, progress: Progress) -> Progress:
    """Reports a step of `rows` members whenever that many steps of single runs are done."""
    done = 0

    def report(_: int) -> None:
        nonlocal done
        done += 1
        if done % runs == 0:
            progress(rows)

    return report
