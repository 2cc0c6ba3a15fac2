"""The blocks of PreDiff's networks that a training may compute again instead of keeping them."""

from __future__ import annotations

from mindspore import nn

from mindcast.layers.cuboid_stack import CuboidStack
from mindcast.layers.time_resblock import TimeResBlock
from mindcast.models.prediff.vae_blocks import AttentionBlock, ResnetBlock


def blocks() -> tuple[type[nn.Cell], ...]:
    """Cuboid stacks and the ResBlocks before them; blocks and attention of the autoencoder."""
    return (CuboidStack, TimeResBlock, ResnetBlock, AttentionBlock)
