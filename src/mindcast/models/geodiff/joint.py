"""Both networks in one cell, as the stage "joint" trains and saves them."""

from __future__ import annotations

from collections.abc import Mapping

from mindspore import nn

from mindcast.models.geodiff.deterministic import DeterministicNetwork
from mindcast.models.geodiff.residual_network import ResidualNetwork
from mindcast.models.geodiff.settings import GeoDiffSettings
from mindcast.refusal import Refusal


class JointNetwork(nn.Cell):
    """D and E, each under the parameter names that it has alone."""

    def __init__(self, settings: GeoDiffSettings) -> None:
        super().__init__(auto_prefix=False)
        self.deterministic = DeterministicNetwork(settings)
        self.diffusion = ResidualNetwork(settings)

    def start_from(self, trained: Mapping[str, nn.Cell]) -> None:
        """Take over the weights and statistics of the two stages before."""
        for name, own in (("deterministic", self.deterministic), ("diffusion", self.diffusion)):
            if name not in trained:
                raise Refusal(
                    f"stage joint: there is no network of the stage {name}, expected both; train "
                    "it first"
                )
            values = {p.name: p for p in trained[name].get_parameters()}
            for parameter in own.get_parameters():
                parameter.set_data(values[parameter.name].value().copy())
