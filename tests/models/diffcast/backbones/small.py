"""Backbones small enough to run in a moment, and frames for them."""

import mindspore as ms
import numpy as np
from mindspore import Tensor

from mindcast.models.diffcast.backbones import build_backbone
from mindcast.models.diffcast.backbones.settings import (
    ConvGRUSettings,
    EarthformerSettings,
    PhyDNetSettings,
    SimVPSettings,
)

FRAME = (8, 8)
SETTINGS = {
    "simvp": SimVPSettings(
        spatial_channels=2,
        temporal_channels=8,
        temporal_layers=2,
        branch_kernels=(3, 5),
        groups=2,
    ),
    "phydnet": PhyDNetSettings(width=2, lstm_channels=(3, 4), kernel=3, norm_groups=1),
    "convgru": ConvGRUSettings(stem=(2, 3), hidden=(3, 4), state_kernels=(5, 3)),
    "earthformer": EarthformerSettings(
        base_units=8,
        encoder_patterns="full",
        decoder_patterns="full",
        heads=2,
        global_vectors=2,
        stem_channels=(4, 8),
        stem_factors=(1, 2),
        stem_convolutions=(1, 1),
    ),
}


def frames(number, batch=2, channels=1, frame=FRAME, seed=0):
    values = np.random.default_rng(seed).random((batch, number, channels, *frame), np.float32)
    return Tensor(values)


def small(name, context=2, target=2, channels=1, frame=FRAME, **changes):
    """A backbone in evaluation mode, the same at every call."""
    ms.set_seed(0)
    settings = SETTINGS[name].model_copy(update=changes)
    settings = type(settings)(**settings.model_dump())  # validated
    return build_backbone(name, settings, context, target, frame, channels).set_train(False)
