"""What is made of an input once, for all members, methods and parts of its forecast."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, TypeVar

Made = TypeVar("Made")


class Remembered:
    """Results by name, of the latest input alone: those of another one take their place."""

    def __init__(self) -> None:
        self._input: object = None
        self._made: dict[Hashable, Any] = {}

    def of(self, input: object, name: Hashable, make: Callable[[], Made]) -> Made:
        """What `make` gave at the first call with this very object and name."""
        if input is not self._input:
            self._input, self._made = input, {}
        if name not in self._made:
            self._made[name] = make()
        made: Made = self._made[name]
        return made
