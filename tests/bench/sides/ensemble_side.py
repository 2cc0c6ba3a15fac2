"""Forecasts of a configuration whose networks nobody trained, of any number of members."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import mindspore as ms

from mindcast.data import open_split
from mindcast.models import load_spec
from mindcast.settings import load_settings


class EnsembleSide:
    """One case, forecast again and again."""

    version = f"mindspore {ms.__version__}"

    def prepare(self, config: str, changes: list[str]) -> dict[str, Any]:
        """Open the data and build the forecaster; `computed`: bytes that one batch should take."""
        settings = load_settings(config, changes)
        spec = load_spec(settings.model.name)
        networks = {
            name: stage.build_network(settings.model) for name, stage in spec.stages.items()
        }
        for network in networks.values():
            network.set_train(False)
        self.forecaster = spec.build_forecaster(
            settings.model, networks, settings.sampling, 0, settings.runtime.mode == "graph"
        )
        samples = open_split(settings.data, "test", spec.window(settings.model))
        self.input, self.method = samples[0].batched().input, spec.name
        row = spec.row_bytes(settings.model, settings.model.frame_size, "CPU")
        return {"computed": settings.sampling.batch_size * row}

    def forecast(self, members: int) -> dict[str, Any]:
        """That many members of the case."""
        anew = replace(self.input)  # of an input that it knows, it would not encode the context
        made = self.forecaster.forecast(self.method, anew, [0], members)
        return {"shape": list(made.shape)}


def start() -> EnsembleSide:
    """The side; the device is started."""
    return EnsembleSide()
