"""The face of a task: how its forecasts are scored, kept, written and drawn."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol, TypeVar

from mindcast.cases import Case
from mindcast.config.schema import RunSettings
from mindcast.evaluation.suite import Suite

CaseType = TypeVar("CaseType", bound=Case[Any])


class Task(Protocol[CaseType]):
    """What test does with the samples of a task; one object for one split.

    baselines: forecasts that cost nothing, scored on the same cases. suite: their scores and those
    of the methods. No case is held on to.
    """

    baselines: tuple[str, ...]
    suite: Suite[Any]

    def __init__(
        self, samples: Any, settings: RunSettings, window: Any, methods: tuple[str, ...]
    ) -> None:
        """samples: an opened split. window: of the model. methods: the forecasts to come.

        Refusal for settings of the evaluation that the task does not know.
        """
        ...

    def case(self, i: int, sample: Any) -> CaseType:
        """The case of sample i, not batched, still without forecasts."""
        ...

    def score(self, case: CaseType) -> None:
        """Add the baselines to the forecasts of the case, and all of these to the scores."""
        ...

    def keep(self, case: CaseType, folder: Path, provenance: Mapping[str, Any]) -> None:
        """Write the files of a scored case; those of the same case in the folder are replaced."""
        ...

    def draw_case(self, case: CaseType, folder: Path) -> Iterator[Path]:
        """Draw a scored case; gives each picture as soon as it is complete."""
        ...

    def write(self, folder: Path, provenance: Mapping[str, Any], **about: Any) -> str:
        """Write the report of all that is scored so far; gives the table to print.

        about: more that scores.json is to hold.
        """
        ...

    def draw(self, folder: Path) -> Iterator[Path]:
        """Draw the scores; gives each picture as soon as it is complete."""
        ...
