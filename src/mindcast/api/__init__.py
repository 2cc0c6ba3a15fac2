"""MindCast from Python: arrays in, forecasts out. Imported when `load_forecaster` is asked for."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

from mindcast.api.downscaler import Downscaler
from mindcast.api.nowcaster import Nowcaster
from mindcast.capacity import fitted
from mindcast.forecasting import open_forecasting
from mindcast.refusal import Refusal
from mindcast.trained import find_trained

FORECASTERS: dict[str, Callable[..., Any]] = {"nowcast": Nowcaster, "downscale": Downscaler}


def load_forecaster(
    place: str | os.PathLike[str], *, settings: Sequence[str] = (), device: str | None = None
) -> Any:
    """A trained model, ready to forecast: a `Nowcaster` or, of temperature, a `Downscaler`.

    place: a run folder, a folder of checkpoints, or a checkpoint, whose neighbours are found beside
    it. settings: changes like those of `--set`, such as "sampling.steps=10". device: "Ascend",
    "GPU" or "CPU"; None: the first of them that is there.

    Refusal (a ValueError) where there is none, or where its settings cannot be found.
    """
    found = find_trained(os.fspath(place), settings)
    from mindcast.runtime import device as devices

    named = device or devices.ORDER[0]
    if named not in devices.ORDER:
        raise Refusal(f"device: got {device!r}, expected one of {', '.join(devices.ORDER)}")
    used = devices.start(named, 0, found.settings.runtime, warn=device is not None)
    fit = fitted(found.spec, found.settings, found.settings.model.frame_size, used)
    model = open_forecasting(found.spec, fit.settings, found.files, fit.rows)
    return FORECASTERS[found.spec.task](found, model)
