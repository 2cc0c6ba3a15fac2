"""Blocks whose inside is computed again for the gradient (Chen et al. 2016, sublinear memory)."""

from __future__ import annotations

from mindspore import nn


def recompute(network: nn.Cell, kinds: tuple[type[nn.Cell], ...]) -> int:
    """Keep only the inputs of the network's outermost cells of some kinds; how many there are.

    `Cell.recompute` marks their operators; what depends on hidden states (MindSpore's dropout,
    running statistics) must not be among them, and is not in any network here.
    """
    if isinstance(network, kinds):
        network.recompute()
        return 1
    return sum(recompute(child, kinds) for child in network.name_cells().values())
