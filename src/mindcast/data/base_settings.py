"""The settings that every data set has, and a type that several share."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from mindcast.config.frozen import Frozen
from mindcast.config.marks import SPEED
from mindcast.config.numbers import Size


def _not_blank(text: str) -> str:
    if not text.strip():
        raise ValueError(f"{text!r} is empty; give a folder or file")
    return text


Place = Annotated[str, Field(min_length=1), AfterValidator(_not_blank)]
"""Of a folder or file that is needed."""
Positive2 = tuple[Size, Size]


class DataSettings(Frozen):
    """What every data set has: its name in the table, its folder, and who reads it."""

    name: str
    """Chooses the data set."""
    root_dir: Place
    """The folder with its files."""
    workers: Annotated[int, SPEED] = Field(default=1, ge=1, le=64)
    """Processes that read ahead during training, as many for validation; 1: a thread."""

    @property
    def meaning(self) -> str:
        """What the numbers of the samples stand for: unit, range, interval; for warnings."""
        return "units of their own"
