"""A nowcast as pictures: drawn as far as they can be before it is there, and then from its file.

Loads matplotlib.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np

from mindcast.output.nowcast import PROBABILITY, QUANTITIES, with_nan
from mindcast.tasks.nowcast.future import Future
from mindcast.visualization.nowcast.forecast import Forecast, Pictures

SHOWN = 3  # members in pictures


class Drawing:
    """The pictures of a forecast with so many members; None: without."""

    def __init__(self, method: str, future: Future, members: int | None) -> None:
        self.method = method
        self.expected = _expected(method, future, members)
        self.pictures = Pictures(self.expected)

    def draw(self, folder: Path) -> Iterator[Path]:
        """Draw what is in the method's file, beside it; gives each picture when it is complete."""
        forecast = _read(folder / f"{self.method}.nc", self.expected)
        yield from self.pictures.draw(folder, forecast, self.method)


def _expected(method: str, future: Future, members: int | None) -> Forecast:
    """All that is known of a forecast before it is made; its values are missing."""
    incoming = future.incoming
    observed = future.value_scale * incoming.context[..., 0]
    values = np.broadcast_to(np.float32(np.nan), (len(future.times), *future.domain.shape))
    is_several = members is not None and members > 1
    return Forecast(
        name=method,
        unit=future.unit,
        times=future.times,
        start=incoming.times[-1],
        members=(values,) * min(SHOWN, members or 1),
        count=members,
        context=np.where(incoming.missing, np.nan, observed),
        context_times=incoming.times,
        mean=values if is_several else None,
        probabilities=dict.fromkeys(future.thresholds, values) if is_several else {},
        grid=incoming.grid,
    )


def _read(path: Path, expected: Forecast) -> Forecast:
    """The forecast in a file."""
    name = QUANTITIES[expected.unit].name
    with h5py.File(path, "r") as data:
        if expected.count is None:
            return replace(expected, members=(with_nan(data[name][()]),))
        members = tuple(with_nan(data[name][: len(expected.members)]))
        if expected.mean is None:
            return replace(expected, members=members)
        chances = with_nan(data[PROBABILITY][()]) if expected.probabilities else ()
        return replace(
            expected,
            members=members,
            mean=with_nan(data[f"{name}_mean"][()]),
            probabilities=dict(zip(expected.probabilities, chances, strict=True)),
        )
