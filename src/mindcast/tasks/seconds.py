"""How long the parts of some work take."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

Item = TypeVar("Item")


class Seconds:
    """Seconds by the name of a part; of parts within each other each counts its own time alone."""

    def __init__(self) -> None:
        self.of: dict[str, float] = {}
        self._inner: list[float] = []

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Count the time in the block."""
        begun = time.monotonic()
        self._inner.append(0.0)
        try:
            yield
        finally:
            took = time.monotonic() - begun
            self.of[name] = self.of.get(name, 0.0) + took - self._inner.pop()
            if self._inner:
                self._inner[-1] += took

    def each(self, name: str, items: Iterable[Item]) -> Iterator[Item]:
        """The items, counting the time that each takes to be made."""
        iterator = iter(items)
        while True:
            with self.part(name):
                try:
                    item = next(iterator)
                except StopIteration:
                    return
            yield item

    def move(self, seconds: float, source: str, target: str) -> None:
        """Count some of one part as another, at most what it has."""
        seconds = min(seconds, self.of.get(source, 0.0))
        self.of[source] = self.of.get(source, 0.0) - seconds
        self.of[target] = self.of.get(target, 0.0) + seconds
