"""The face of a task: how its forecasts are scored, kept, written and drawn."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np

from mindcast.cases import Case
from mindcast.config.schema import RunSettings
from mindcast.config.verification import VerificationSettings
from mindcast.evaluation.suite import Suite
from mindcast.forecasting import Forecasting
from mindcast.page.document import Picture
from mindcast.tasks.seconds import Seconds

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

    @staticmethod
    def domain(samples: Any) -> tuple[int, int]:
        """(H, W) of the largest area that is forecast of a split."""
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


class Prediction(Protocol):
    """What predict does with the files of a user; they are read when it is made.

    last: time of the last frame or state, UTC. sources: the files that were read. notes: a line for
    all that was done to them. count: how many inputs they are for the model. domain: (H, W) of the
    largest of them.
    """

    last: np.datetime64
    sources: tuple[Path, ...]
    notes: tuple[str, ...]
    count: int
    domain: tuple[int, int]

    @property
    def facts(self) -> Mapping[str, str]:
        """What is predicted, in words, for a page."""
        ...

    def __init__(
        self, inputs: Sequence[str], at: np.datetime64 | None, settings: RunSettings, window: Any
    ) -> None:
        """inputs: files, folders, patterns. at: the time to predict from; None: see the task.

        Refusal for files that do not serve the model.
        """
        ...

    def methods(self, model: Forecasting, wanted: Sequence[str]) -> tuple[str, ...]:
        """The forecasts to make: those that are wanted, or what the task makes by default."""
        ...

    def write(
        self,
        model: Forecasting,
        folder: Path,
        provenance: Mapping[str, Any],
        seconds: Seconds,
        progress: Callable[[int], object],
    ) -> Iterator[Path]:
        """Forecast with all methods of the model; gives each file as soon as it is complete.

        seconds: counts "sample" and "write". progress: as in `models.base.Forecaster.forecast`.
        """
        ...

    def draw(self, folder: Path) -> Iterator[Picture]:
        """Draw what was written; gives each picture as soon as it is complete."""
        ...


class Verification(Protocol):
    """What verify does with forecast files; they are opened when it is made.

    methods: names of the forecasts. notes: a line for all that was converted or left out, complete
    when all cases were given.
    """

    methods: tuple[str, ...]
    notes: dict[str, None]

    def __init__(
        self,
        paths: Sequence[Path],
        truth: Sequence[str],
        context: Sequence[str],
        settings: VerificationSettings,
    ) -> None:
        """paths: of the forecasts. truth, context: files, folders, patterns; context may be empty.

        Refusal for files that do not fit each other, or settings of another task.
        """
        ...

    def __len__(self) -> int:
        """How many forecasts there are."""
        ...

    def cases(self) -> Iterator[Any]:
        """The forecasts with their truth, one after the other; Refusal where they do not fit."""
        ...

    def score(self, case: Any) -> None:
        """As in `Task`."""
        ...

    def draw_case(self, case: Any, folder: Path) -> Iterator[Path]:
        """As in `Task`."""
        ...

    def write(self, folder: Path, provenance: Mapping[str, Any], **about: Any) -> str:
        """As in `Task`."""
        ...

    def draw(self, folder: Path) -> Iterator[Path]:
        """As in `Task`."""
        ...
