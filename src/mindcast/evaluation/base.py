"""The face of a score and what it hands back, whatever the task.

What a forecast is held against differs: the truth itself (nowcast), or a prepared target that also
holds how each point counts (downscale). So do the axes that scores are given along.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeVar

import numpy as np

Against = TypeVar("Against")
AgainstIn = TypeVar("AgainstIn", contravariant=True)


class Entry(Protocol):
    """One number of the report, over everything and along the task's axis; NaN where undefined.

    A frozen dataclass: its fields are what the report's files hold. name: unique within a row.
    """

    @property
    def name(self) -> str: ...


class Score(Protocol[AgainstIn]):
    """Takes a test split batch by batch; its memory does not grow with the number of batches."""

    def update(self, forecast: np.ndarray, against: AgainstIn, /) -> None:
        """Add a batch of fields, or of ensembles."""
        ...

    def result(self) -> Sequence[Entry]:
        """The scores of everything added so far; NaN before the first batch."""
        ...
