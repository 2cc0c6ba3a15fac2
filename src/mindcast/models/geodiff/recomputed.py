"""The blocks of GeoDiff's networks that a training may compute again instead of keeping them."""

from __future__ import annotations

from mindspore import nn

from mindcast.models.geodiff.attention import Residual
from mindcast.models.geodiff.blocks import ResnetBlock


def blocks() -> tuple[type[nn.Cell], ...]:
    """Residual blocks and attentions of the U-Nets and of the encoders of priors."""
    return (ResnetBlock, Residual)
