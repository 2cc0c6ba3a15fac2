"""Curves and pictures of a stage for TensorBoard.

Differs: `tensorboardX.SummaryWriter` writes in a thread of its own, which a full disk ends; what
comes after would then wait for it for ever.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from tensorboardX import summary
from tensorboardX.event_file_writer import EventsWriter
from tensorboardX.proto.event_pb2 import Event, SessionLog

from mindcast.refusal import Refusal


class Curves:
    """One more file of events in `folder`. Refusal where it cannot be written.

    first: step that the training goes on from; TensorBoard hides what earlier files hold beyond it.
    """

    def __init__(self, folder: Path, first: int) -> None:
        self.folder = folder
        with self._refused():
            folder.mkdir(parents=True, exist_ok=True)
            goes_on = any(folder.iterdir())
            self.events = EventsWriter(str(folder / "events"))
        if goes_on:
            self._write(Event(step=first + 1, session_log=SessionLog(status=SessionLog.START)))

    def scalars(self, values: Mapping[str, float], step: int) -> None:
        """One point in each curve, by its name."""
        points = [Event(step=step, summary=summary.scalar(n, v)) for n, v in values.items()]
        self._write(*points)

    def picture(self, name: str, image: np.ndarray, step: int) -> None:
        """A picture (C, H, W)."""
        self._write(Event(step=step, summary=summary.image(name, image)))

    def close(self) -> None:
        """No more to come."""
        with self._refused():
            self.events.close()

    def _write(self, *events: Event) -> None:
        with self._refused():
            for event in events:
                event.wall_time = time.time()
                self.events.write_event(event)
            self.events.flush()

    @contextmanager
    def _refused(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise Refusal(
                f"{self.folder}: cannot be written ({error.strerror}); free some space and "
                "continue with --resume"
            ) from None
