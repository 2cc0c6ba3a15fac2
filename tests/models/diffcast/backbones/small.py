"""Backbones small enough to run in a moment, and frames for them."""

import mindspore as ms
import numpy as np
from mindspore import Tensor

from mindcast.models.diffcast.backbones import build_backbone
from mindcast.models.diffcast.backbones.settings import (
    AdvectionSettings,
    ConvGRUSettings,
    EarthformerSettings,
    EventSettings,
    PhyDNetSettings,
    SimVPSettings,
)
from mindcast.motion.settings import MOVED_CHANNELS

FRAME = (8, 8)
STARTS_AT_ZERO = "correction.last."
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
    "advection": AdvectionSettings(dim=8, events=EventSettings(softness=0.3, pool=2)),
}


def frames(number, batch=2, channels=1, frame=FRAME, seed=0):
    values = np.random.default_rng(seed).random((batch, number, channels, *frame), np.float32)
    return Tensor(values)


def source(name, context=2, target=2, channels=1, **options):
    """What a backbone forecasts from: the frames of a context, or what motion makes of them."""
    if name == "advection":
        return frames(target, channels=MOVED_CHANNELS * channels, **options)
    return frames(context, channels=channels, **options)


def small(name, context=2, target=2, channels=1, frame=FRAME, **changes):
    """A backbone in evaluation mode, the same at every call.

    Weights that start at zero, so that others get no gradient, are moved away from it.
    """
    ms.set_seed(0)
    settings = SETTINGS[name].model_copy(update=changes)
    settings = type(settings)(**settings.model_dump())  # validated
    backbone = build_backbone(name, settings, context, target, frame, channels)
    rng = np.random.default_rng(1)
    for parameter in backbone.get_parameters():
        if parameter.name.startswith(STARTS_AT_ZERO):
            parameter.set_data(Tensor(rng.normal(0, 0.1, parameter.shape).astype(np.float32)))
    return backbone.set_train(False)
