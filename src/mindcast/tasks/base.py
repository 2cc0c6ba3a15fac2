"""The face of a task: how its forecasts are scored, kept, written and drawn."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar, Protocol, TypeVar

from mindcast.cases import Case
from mindcast.config.schema import RunSettings

CaseType = TypeVar("CaseType", bound=Case[Any])


class Task(Protocol[CaseType]):
    """What test does with the samples of a task; one object for one split.

    baselines: forecasts that cost nothing, scored on the same cases.
    """

    baselines: ClassVar[tuple[str, ...]]

    def __init__(
        self, samples: Any, settings: RunSettings, window: Any, methods: tuple[str, ...]
    ) -> None:
        """samples: an opened split. window: of the model. methods: the forecasts to come."""
        ...

    def case(self, i: int, sample: Any) -> CaseType:
        """The case of sample i, not batched, still without forecasts."""
        ...

    def score(self, case: CaseType) -> None:
        """Add the baselines to the forecasts of the case, and all of these to the scores."""
        ...

    def keep(self, case: CaseType) -> None:
        """Remember a scored case for figures and files."""
        ...

    def write(self, folder: Path, provenance: Mapping[str, Any]) -> str:
        """Write the report and the files of the kept cases; gives the table to print."""
        ...

    def draw(self, folder: Path) -> Iterator[Path]:
        """Draw the kept cases and the scores; gives each picture as soon as it is complete."""
        ...
