"""A side in its turns: started, asked, and what was measured of it."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from tests.bench.processes import Ended, Worker, worker

Answer = Mapping[str, Any]


@dataclass(frozen=True)
class Rounds:
    """How often a case is called after its first call, in which kernels are compiled.

    `warm_up` calls do not count; then up to `most`, fewer (but `least`) where those that count
    have taken `seconds`.
    """

    warm_up: int = 1
    least: int = 2
    most: int = 9
    seconds: float = 4.0

    def counted(self, spent: Sequence[float]) -> Iterator[int]:
        """The numbers of the calls that count; `spent`: seconds of each so far, as it grows."""
        for number in range(self.most):
            if number >= self.least and sum(spent) >= self.seconds:
                return
            yield number


QUICK = Rounds(warm_up=1, least=1, most=3, seconds=4.0)


@dataclass(frozen=True)
class Sides:
    """Who is measured: the Python of each side, and the bytes that one process may hold.

    graphs: a folder of graphs that an earlier process compiled; "": each compiles its own.
    """

    pythons: Mapping[str, str]
    limit: float
    graphs: str = ""


@dataclass
class Measured:
    """Of one side: medians of the wall and CPU seconds of a call, those of the first call, bytes
    held at most, and before there was a network; `problem` says why something is missing."""

    side: str
    version: str = ""
    parameters: int = 0
    first_seconds: float | None = None
    seconds: float | None = None
    cpu_seconds: float | None = None
    calls: list[tuple[float, float]] = field(default_factory=list)
    empty_bytes: int = 0
    peak_bytes: int = 0
    problem: str = ""


class Player:
    """A side in its turns; once its worker has ended it does nothing more."""

    def __init__(self, side: str, sides: Sides, opened: ExitStack) -> None:
        self.result = Measured(side)
        try:
            self.worker: Worker = opened.enter_context(
                worker(side, sides.pythons[side], sides.limit, sides.graphs)
            )
        except Ended as end:
            self.result.problem = str(end)
            return
        self.result.version = self.worker.started["version"]
        self.result.empty_bytes = self.worker.started["resident"]

    def ask(self, order: str, **given: Any) -> Answer | None:
        """The answer; None from a side that has ended."""
        if self.result.problem:
            return None
        try:
            answer = self.worker.ask(order, **given)
        except Ended as end:
            self.result.problem, self.result.peak_bytes = str(end), self.worker.held
            return None
        self.result.peak_bytes = answer["peak"]
        return answer

    def begin(self, case: Mapping[str, Any]) -> None:
        """The network of a case and its first call."""
        built = self.ask("prepare", case=case)
        if built is not None:
            self.result.parameters = built["parameters"]
        first = self.ask("call")
        if first is not None:
            self.result.first_seconds = first["seconds"]

    def count(self) -> float:
        """One call that counts; its seconds."""
        answer = self.ask("call")
        if answer is None:
            return 0.0
        self.result.calls.append((answer["seconds"], answer["cpu_seconds"]))
        return float(answer["seconds"])


def play(players: Sequence[Player], case: Mapping[str, Any], rounds: Rounds) -> None:
    """A case from its first call to the medians; players take turns call by call."""
    for player in players:
        player.result.calls = []
        player.begin(case)
    for _ in range(rounds.warm_up):
        for player in players:
            player.ask("call")
    spent: list[float] = []
    for _ in rounds.counted(spent):
        spent.append(max(player.count() for player in players))
    for player in players:
        sum_up(player.result)


def sum_up(result: Measured) -> None:
    """Give it the medians of its calls, if there are any."""
    if result.calls:
        walls, cpus = zip(*result.calls, strict=True)
        result.seconds, result.cpu_seconds = statistics.median(walls), statistics.median(cpus)
