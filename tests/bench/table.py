"""Rows of text as a table of fixed columns."""

from __future__ import annotations

from collections.abc import Sequence


class Table:
    """Prints row by row, so that a long run is seen to go on."""

    def __init__(self, titles: Sequence[str], first: int = 24, width: int = 9) -> None:
        self.first, self.width = first, width
        print()
        self.row(*titles)

    def row(self, name: str, *cells: object) -> None:
        """One line: numbers with three digits, None as a dash."""
        texts = [text_of(cell).rjust(self.width) for cell in cells]
        print(" ".join([name.ljust(self.first), *texts]), flush=True)


def text_of(cell: object) -> str:
    """A number with three digits, a dash for None and NaN."""
    if cell is None or cell != cell:
        return "-"
    if isinstance(cell, float):
        return f"{cell:.3g}" if abs(cell) < 1000 else f"{cell:.0f}"
    return str(cell)
