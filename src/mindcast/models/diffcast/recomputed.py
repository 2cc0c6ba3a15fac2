"""The blocks of DiffCast's networks that a training may compute again instead of keeping them.

Recurrent units, and blocks that join weights or split tensors in a loop, are not among them:
MindSpore 2.8 does not compile the gradient of their gradient.
"""

from __future__ import annotations

from mindspore import nn

from mindcast.layers.feed_forward import FeedForward
from mindcast.models.diffcast.backbones.simvp import ConvUnit, UpConvUnit
from mindcast.models.diffcast.blocks import Residual, ResnetBlock


def blocks() -> tuple[type[nn.Cell], ...]:
    """Blocks and attentions of U-Nets and context network; units of SimVP, Earthformer's FFNs."""
    return (ResnetBlock, Residual, ConvUnit, UpConvUnit, FeedForward)
