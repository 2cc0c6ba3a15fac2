"""What forecasts are for: how each task scores, keeps, writes and draws them; a line a task."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mindcast.tasks.base import Prediction, Task, Verification
    from mindcast.tasks.pages import Words

# name -> module with a `Task`, imported late: the scores load SciPy
TASKS = {"nowcast": "mindcast.tasks.nowcast.task", "downscale": "mindcast.tasks.downscale.task"}
# likewise, with a `Prediction`
PREDICTIONS = {
    "nowcast": "mindcast.tasks.nowcast.prediction",
    "downscale": "mindcast.tasks.downscale.prediction",
}
# likewise, with the `WORDS` of its reports
PAGES = {"nowcast": "mindcast.tasks.nowcast.page", "downscale": "mindcast.tasks.downscale.page"}

# likewise, with a `Verification`
VERIFICATIONS = {
    "nowcast": "mindcast.tasks.nowcast.verification",
    "downscale": "mindcast.tasks.downscale.verification",
}


def load_task(name: str) -> type[Task[Any]]:
    """The class `Task` of a registered task, see `tasks.base.Task`."""
    task: type[Task[Any]] = import_module(TASKS[name]).Task
    return task


def load_prediction(name: str) -> type[Prediction]:
    """The class `Prediction` of a registered task, see `tasks.base.Prediction`."""
    prediction: type[Prediction] = import_module(PREDICTIONS[name]).Prediction
    return prediction


def load_words(name: str) -> Words:
    """What a registered task says on the page of a report, see `tasks.pages.Words`."""
    words: Words = import_module(PAGES[name]).WORDS
    return words


def load_verification(name: str) -> type[Verification]:
    """The class `Verification` of a registered task, see `tasks.base.Verification`."""
    verification: type[Verification] = import_module(VERIFICATIONS[name]).Verification
    return verification
