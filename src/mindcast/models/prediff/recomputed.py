"""The blocks of PreDiff's networks that a training may compute again instead of keeping them."""

from __future__ import annotations

from mindspore import nn

from mindcast.layers.cuboid_attention import CuboidSelfAttention
from mindcast.layers.feed_forward import FeedForward
from mindcast.layers.time_resblock import TimeResBlock
from mindcast.models.prediff.vae_blocks import AttentionBlock, ResnetBlock


def blocks() -> tuple[type[nn.Cell], ...]:
    """Attention, feed-forward and time ResBlocks; blocks and attention of the autoencoder."""
    return (CuboidSelfAttention, FeedForward, TimeResBlock, ResnetBlock, AttentionBlock)
