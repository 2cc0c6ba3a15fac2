"""Blocks whose inside is computed again for the gradient (Chen et al. 2016, sublinear memory)."""

from __future__ import annotations

from mindspore import nn


def recompute(network: nn.Cell, kinds: tuple[type[nn.Cell], ...]) -> int:
    """Keep only the inputs of the network's outermost cells of some kinds; how many there are.

    `Cell.recompute` marks their operators. In a graph it passes over cells with a gradient of their
    own, such as the fused kernels of the CPU, which keep what they kept. What only a hidden state
    decides (MindSpore's dropout) or what moves one (running statistics) must not be among the
    blocks, and is not.
    """
    if isinstance(network, kinds):
        network.recompute(use_reentrant=False)  # operator by operator: results may be tuples
        return 1
    return sum(recompute(child, kinds) for child in network.name_cells().values())
