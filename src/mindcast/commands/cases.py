"""The cases of a test: the samples of a split that are forecast, in order, by all processes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from mindcast.cases import Case
from mindcast.config.schema import Evaluation
from mindcast.data.base import Samples, checked
from mindcast.forecasting import Forecasting
from mindcast.runtime.parallel import World
from mindcast.tasks.base import Task

LONGEST = 180  # bytes: file systems take 255, with the method in front and what is behind


class Cases:
    """The first samples of a split, as many as `options` asks for.

    Each process forecasts every `world.size`-th of them, some at a time where their members fill a
    batch together; all processes get all forecasts.
    """

    def __init__(
        self,
        samples: Samples,
        options: Evaluation,
        model: Forecasting,
        task: Task[Any],
        world: World,
    ) -> None:
        self.samples, self.model, self.task, self.world = samples, model, task, world
        self.count = min(len(samples), options.max_samples or len(samples))
        drawn = np.linspace(0, self.count - 1, min(options.figures, self.count))
        self.kept = frozenset(drawn.astype(int).tolist())

    def __len__(self) -> int:
        return self.count

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """A name of each case that no other has: the names of files are made from it."""
        return distinct(self.samples.label(i) for i in range(self.count))

    def agree(self, first: int) -> int:
        """The leader's number, in all processes: of the case to begin with, or of cases."""
        own = first if self.world.is_leader else 0
        return int(self.world.sum(np.array([own], np.float32))[0])

    def check(self, first: int) -> None:
        """Read every case from number `first` on. Refusal for one that cannot be forecast."""
        numbers = range(first + self.world.rank, self.count, self.world.size)
        with self._bar("check", "case", len(numbers)) as bar:
            for number in numbers:
                self._case(number)
                bar.update()
        self.world.barrier()

    def forecast(self, first: int) -> Iterator[Case[Any]]:
        """The cases from number `first` on with their forecasts, in order; some at a time."""
        from mindcast.compiled import shown

        world, model = self.world, self.model
        own_share = range(first + world.rank, self.count, world.size)
        bar = self._bar("forecast", "step", model.steps * len(own_share))
        with bar, shown(bar.set_postfix_str):
            for block in self._blocks(first):
                cases = [self._case(number) for number in block]
                own = self._own(cases, block, bar.update)
                for place, case in enumerate(cases):
                    made = next(own) if place % world.size == world.rank else {}
                    for method in model.methods:
                        shape = model.shape(method, case.shape)
                        source = place % world.size
                        case.forecasts[method] = world.broadcast(made.get(method), shape, source)
                    yield case

    def _blocks(self, first: int) -> Iterator[range]:
        """Numbers of the cases, as many at a time as all processes take; about as many each."""
        left, processes = self.count - first, self.world.size
        most = self.agree(self.model.cases_at_once) * processes
        rounds = max(1, -(-left // most))
        size = max(1, -(-left // (rounds * processes))) * processes
        for block in range(first, self.count, size):
            yield range(block, min(block + size, self.count))

    def _own(
        self, cases: Sequence[Case[Any]], numbers: range, progress: Callable[[int], object]
    ) -> Iterator[dict[str, np.ndarray]]:
        """The forecasts of this process's cases, in order: those of the same shapes at once."""
        own = range(self.world.rank, len(cases), self.world.size)
        alike: dict[Any, list[int]] = {}
        for place in own:
            arrays = cases[place].sample.named
            shapes = tuple((name, array.shape) for name, array in arrays.items())
            alike.setdefault(shapes, []).append(place)
        made: dict[int, dict[str, np.ndarray]] = {}
        for places in alike.values():
            samples = [cases[place].sample for place in places]
            keys = [int(self.samples.keys[numbers[place]]) for place in places]
            made.update(zip(places, self.model.of_samples(samples, keys, progress), strict=True))
        return iter(made[place] for place in own)

    def _case(self, number: int) -> Case[Any]:
        case: Case[Any] = self.task.case(number, checked(self.samples, number))
        case.label = self.labels[number]
        return case

    def _bar(self, name: str, unit: str, total: int) -> Any:
        from tqdm import tqdm

        quiet = not self.world.is_leader
        return tqdm(total=total, desc=name, unit=unit, dynamic_ncols=True, disable=quiet)


def distinct(labels: Iterable[str]) -> tuple[str, ...]:
    """The labels, but a later one of the same name gets a number behind: "a", "b", "a_2".

    Of one that is too long for the name of a file, begin and end.
    """
    given = [_short(label) for label in labels]
    names = dict.fromkeys(given)  # taken, by anyone
    seen: set[str] = set()
    found = []
    for label in given:
        name, number = label, 2
        while name in (seen if name == label else names):
            name, number = f"{label}_{number}", number + 1
        seen.add(label)
        names[name] = None
        found.append(name)
    return tuple(found)


def _short(label: str) -> str:
    raw = label.encode()
    if len(raw) <= LONGEST:
        return label
    half = LONGEST // 2 - 1
    return f"{raw[:half].decode(errors='ignore')}--{raw[-half:].decode(errors='ignore')}"
