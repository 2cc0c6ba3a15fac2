"""What a training run shows: progress bar, status lines, JSON lines and TensorBoard."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from contextlib import nullcontext, suppress
from dataclasses import replace
from types import TracebackType

from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

from mindcast.compiled import COMPILING, shown
from mindcast.models.base import Preview
from mindcast.refusal import Refusal
from mindcast.runtime.run_folder import RunFolder
from mindcast.training.curves import Curves


class Progress:
    """Shows one stage's steps; a context manager that closes what it opens."""

    def __init__(self, folder: RunFolder, stage: str, first: int, last: int) -> None:
        self.folder, self.stage, self.last = folder, stage, last
        self.log = logging.getLogger()
        self.curves = Curves(folder.tensorboard / stage, first)
        self.bar = tqdm(total=last, initial=first, desc=stage, unit="step", dynamic_ncols=True)
        self.redirect = logging_redirect_tqdm()
        self.compiling = shown(self.bar.set_postfix_str)
        self.before = replace(COMPILING)
        self.started = time.monotonic()
        self.first = first
        self.waiting = True

    def __enter__(self) -> Progress:
        self.redirect.__enter__()
        self.compiling.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.compiling.__exit__(kind, error, trace)
        self.redirect.__exit__(kind, error, trace)
        self.bar.close()
        # a full disk that ended the training is told of once
        with nullcontext() if error is None else suppress(Refusal):
            self.curves.close()

    def advance(self) -> None:
        """One optimiser step is done."""
        if self.waiting:  # not the bar's own count: a bar that is switched off has none
            self.waiting = False
            self._first_step()
        self.bar.update(1)

    def _first_step(self) -> None:
        """How long the first step took, most of which is compiling."""
        graphs = COMPILING.graphs - self.before.graphs
        if graphs:
            seconds = time.monotonic() - self.started
            compiling = COMPILING.seconds - self.before.seconds
            kept = COMPILING.kept - self.before.kept
            text = "%s first step %.1f s, compiling %.1f s of it (%d graphs, %d of them kept ones)"
            self.log.info(text, self.stage, seconds, compiling, graphs, kept)

    def status(self, step: int, values: Mapping[str, float]) -> None:
        """Means over the last interval: one line, one JSON record, one point in every curve."""
        pace = (time.monotonic() - self.started) / max(step - self.first, 1)
        self._record("train", step, {**values, "seconds_per_step": pace})

    def validation(self, step: int, values: Mapping[str, float], is_best: bool) -> None:
        """Means over the validation split."""
        self._record("validation", step, values, "  (best so far)" if is_best else "")

    def pictures(self, step: int, preview: Preview) -> None:
        """Preview frames as one TensorBoard picture."""
        from mindcast.visualization.montage import montage  # late: matplotlib is slow to load

        self.curves.picture("validation", montage(preview.rows, preview.colours), step)

    def _record(self, kind: str, step: int, values: Mapping[str, float], note: str = "") -> None:
        text = "  ".join(f"{name} {value:.4g}" for name, value in values.items())
        self.log.info("%s %s step %d/%d  %s%s", self.stage, kind, step, self.last, text, note)
        self.folder.append_log({"stage": self.stage, "kind": kind, "step": step, **values})
        self.curves.scalars({f"{kind}/{name}": value for name, value in values.items()}, step)


class Silence:
    """A `Progress` that shows nothing, for the processes that do not lead."""

    def __enter__(self) -> Silence:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def advance(self) -> None:
        pass

    def status(self, step: int, values: Mapping[str, float]) -> None:
        pass

    def validation(self, step: int, values: Mapping[str, float], is_best: bool) -> None:
        pass

    def pictures(self, step: int, preview: Preview) -> None:
        pass
