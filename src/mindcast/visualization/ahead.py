"""Work in the background of a forecast: Python has little to do while networks compile or run."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from threading import Thread
from typing import TypeVar

Result = TypeVar("Result")


def ahead(work: Callable[[], Result]) -> Callable[[], Result]:
    """Begin some work in the background; gives what waits for its result, or raises its error.

    It is dropped where nobody waits for it: nothing that must be completed is to be begun here.
    """
    future: Future[Result] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:
            future.set_exception(error)

    Thread(target=run, name="ahead", daemon=True).start()
    return future.result
