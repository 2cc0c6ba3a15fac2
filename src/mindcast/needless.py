"""Parts of networks that add exactly nothing, and are left out while they do."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol, runtime_checkable

from mindspore import nn


@runtime_checkable
class Needless(Protocol):
    """A cell with a part that may be left out while it adds exactly nothing.

    left_out: whether it is; False but during calls through the door of compiled functions.
    adds_nothing: whether its weights make it exactly zero, and no training moves them.
    """

    left_out: bool

    def adds_nothing(self) -> bool: ...


def needless_parts(function: Callable[..., Any]) -> list[Needless]:
    """The cells in a cell that can leave something out."""
    if not isinstance(function, nn.Cell):
        return []
    return [cell for _, cell in function.cells_and_names() if isinstance(cell, Needless)]


@contextmanager
def left_out(parts: Sequence[Needless], needless: Sequence[bool]) -> Iterator[None]:
    """Within the `with`, those parts are left out whose answer is True."""
    for part, answer in zip(parts, needless, strict=True):
        part.left_out = answer
    try:
        yield
    finally:
        for part in parts:
            part.left_out = False
