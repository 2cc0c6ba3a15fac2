"""The blocks of DiffCast's networks that a training may compute again instead of keeping them."""

from __future__ import annotations

from mindspore import nn

from mindcast.layers.conv_gru import ConvGRULayer
from mindcast.layers.cuboid_global_stack import GlobalCuboidStack
from mindcast.layers.cuboid_stack import CuboidStack
from mindcast.models.diffcast.backbones.convgru import GatedCell
from mindcast.models.diffcast.backbones.earthformer_transformer import CrossStack
from mindcast.models.diffcast.backbones.phydnet_cells import ConvLSTMCell, PhyCell
from mindcast.models.diffcast.backbones.phydnet_images import Unit
from mindcast.models.diffcast.backbones.simvp import ConvUnit, InceptionBlock, UpConvUnit
from mindcast.models.diffcast.blocks import Residual, ResnetBlock


def blocks() -> tuple[type[nn.Cell], ...]:
    """Blocks and attentions of U-Nets and context network; the units of the backbones."""
    return (
        ResnetBlock,
        Residual,
        ConvGRULayer,
        *(ConvUnit, UpConvUnit, InceptionBlock),
        *(Unit, PhyCell, ConvLSTMCell),
        GatedCell,
        *(CuboidStack, GlobalCuboidStack, CrossStack),
    )
