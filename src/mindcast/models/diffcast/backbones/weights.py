"""Released weights of a backbone under our parameter names, which are the original ones.

What is left to do: PhyDNet's state dict holds its two cells twice, and all of them hold buffers
that our cells derive from their settings.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from mindcast.models.diffcast.backbones import backbone_kind

PREFIX = "backbone_net."
BUFFERS = ("k2m._M0", "k2m._invM0", "k2m._M1", "k2m._invM1")
BUFFER_ENDINGS = ("relative_position_index",)
ALIASES = ("encoder.phycell.", "encoder.convcell.")  # of the same names without "encoder."


def to_ours_backbone(name: str, weights: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The parameters of backbone `name` from its part of a state dict, every array once.

    Names may start with "backbone_net."; Refusal for an unknown backbone. A repeated array that is
    only there under its second name is taken from there.
    """
    backbone_kind(name)
    ours: dict[str, np.ndarray] = {}
    for key, array in weights.items():
        key = key.removeprefix(PREFIX)
        if key in BUFFERS or key.rpartition(".")[2] in BUFFER_ENDINGS:
            continue
        if name == "phydnet" and key.startswith(ALIASES):
            ours.setdefault(key.removeprefix("encoder."), array)
        else:
            ours[key] = array
    return ours
