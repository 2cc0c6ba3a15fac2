"""Forecasts of a configuration whose networks nobody trained, of any number of members."""

from __future__ import annotations

from typing import Any

import mindspore as ms

from mindcast.data import open_split
from mindcast.models import load_spec
from mindcast.settings import load_settings


class EnsembleSide:
    """One case, forecast again and again."""

    version = f"mindspore {ms.__version__}"

    def prepare(self, config: str, changes: list[str], stages: list[str]) -> dict[str, Any]:
        """Open the data and build the forecaster of the networks of these stages."""
        settings = load_settings(config, changes)
        spec = load_spec(settings.model.name)
        networks = {name: spec.stages[name].build_network(settings.model) for name in stages}
        for network in networks.values():
            network.set_train(False)
        self.forecaster = spec.build_forecaster(
            settings.model, networks, settings.sampling, 0, settings.runtime.mode == "graph"
        )
        samples = open_split(settings.data, "test", spec.window(settings.model))
        self.input, self.method = samples[0].batched().input, spec.name
        return {"batch": settings.sampling.batch_size, "steps": settings.sampling.steps}

    def forecast(self, members: int) -> dict[str, Any]:
        """That many members of the case."""
        made = self.forecaster.forecast(self.method, self.input, [0], members)
        return {"shape": list(made.shape)}


def start() -> EnsembleSide:
    """The side; the device is started."""
    return EnsembleSide()
