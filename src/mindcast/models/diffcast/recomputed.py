"""The blocks of DiffCast's networks that a training may compute again instead of keeping them."""

from __future__ import annotations

from mindspore import nn

from mindcast.layers.cuboid_attention import CuboidSelfAttention
from mindcast.layers.feed_forward import FeedForward
from mindcast.layers.frame_cross_attention import FrameCrossAttention
from mindcast.models.diffcast.backbones.simvp import ConvUnit, InceptionBlock, UpConvUnit
from mindcast.models.diffcast.blocks import Residual, ResnetBlock


def blocks() -> tuple[type[nn.Cell], ...]:
    """Blocks and attentions of U-Nets and context network, SimVP and Earthformer."""
    of_unets = (ResnetBlock, Residual)
    of_simvp = (ConvUnit, UpConvUnit, InceptionBlock)
    return (*of_unets, *of_simvp, CuboidSelfAttention, FrameCrossAttention, FeedForward)
