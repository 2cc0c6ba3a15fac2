"""The pictures of a forecast file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from mindcast.output.nowcast_reading import stored_nowcast

MEMBERS = 3  # at most


def draw_file(
    path: Path, folder: Path, context: np.ndarray, context_times: np.ndarray
) -> Iterator[Path]:
    """Draw a file of `output.nowcast` into a folder, see `visualization.nowcast.forecast`.

    The pictures have the name of the file. context: (Tc, H, W), what was observed, in the unit of
    the file, NaN where missing; context_times: datetime64, UTC. Of the members only those drawn
    are read. Refusal where the file is no nowcast, or a picture cannot be written.
    """
    from mindcast.visualization.nowcast.forecast import Forecast, draw_forecast

    with stored_nowcast(path) as stored:
        forecast = Forecast(
            name=stored.method,
            unit=stored.unit,
            times=stored.times,
            start=stored.reference,
            members=tuple(stored.member(m) for m in range(min(MEMBERS, stored.count or 1))),
            count=stored.count,
            context=context,
            context_times=context_times,
            mean=stored.mean() if stored.count else None,
            probabilities={of: stored.probability(of) for of in stored.thresholds},
            grid=stored.grid,
        )
    yield from draw_forecast(folder, forecast, path.stem)
