"""Earthformer: cuboid attention with global vectors (Gao et al. 2022).

Attribute names follow the original's state dict, github.com/amazon-science/earth-forecasting-
transformer (Apache-2.0).
"""

from __future__ import annotations

from mindspore import Parameter, Tensor, nn, ops

from mindcast.layers import initialise
from mindcast.layers.dense import Dense
from mindcast.layers.embedding import POSITION_EMBEDDINGS
from mindcast.layers.patch import FrameUpsample
from mindcast.models.diffcast.backbones.base import Backbone
from mindcast.models.diffcast.backbones.earthformer_frames import SLOPE, Head, Stem
from mindcast.models.diffcast.backbones.earthformer_transformer import CuboidDecoder, CuboidEncoder
from mindcast.models.diffcast.backbones.settings import EarthformerSettings

VECTOR_STD = 0.02
UNREAD = ("g2l_", "g2g_", "global_proj.")


class Earthformer(Backbone):
    """All target frames at once: learned queries that ask the encoded context, level by level."""

    def __init__(
        self,
        settings: EarthformerSettings,
        context_frames: int,
        target_frames: int,
        frame: tuple[int, int],
        channels: int = 1,
    ) -> None:
        super().__init__()
        units, positions = settings.units, POSITION_EMBEDDINGS[settings.position_embedding]
        self.initial_encoder = Stem(settings, (context_frames, *frame), channels)
        self.enc_pos_embed = positions(units[0], self.initial_encoder.out_shape)
        self.init_global_vectors = None
        if settings.global_vectors:
            start = (settings.global_vectors, settings.global_width_ratio * units[0])
            self.init_global_vectors = Parameter(initialise.normal(start, VECTOR_STD))
        self.encoder = CuboidEncoder(settings, self.initial_encoder.out_shape)
        top = (target_frames, *self.encoder.shapes[-1][1:])
        self.dec_pos_embed = positions(units[-1], top)
        self.z_proj = Dense(units[-1], units[-1])
        self.decoder = CuboidDecoder(settings, self.encoder.shapes, target_frames)
        self.final_decoder = Head(settings, self.initial_encoder.stage_shapes)
        self.dec_final_proj = Dense(settings.stem_channels[0], channels)
        self.query_shape, self.target_frames = (1, *top, units[-1]), target_frames
        _initialise(self)
        self.unread = _unread(settings, self) if settings.global_vectors else frozenset()

    def construct(self, context: Tensor) -> Tensor:
        """(N, T_in, C, H, W) -> (N, T_out, C, H, W)."""
        n = context.shape[0]
        vectors = None
        if self.init_global_vectors is not None:
            vectors = ops.tile(self.init_global_vectors.expand_dims(0), (n, 1, 1))
        memory = self.encoder(self.enc_pos_embed(self.initial_encoder(context)), vectors)
        queries = self.z_proj(self.dec_pos_embed(ops.zeros(self.query_shape, context.dtype)))
        tokens = self.decoder(ops.tile(queries, (n, 1, 1, 1, 1)), memory)
        frames = self.dec_final_proj(self.final_decoder(tokens)).transpose(0, 3, 1, 2)
        return frames.reshape(n, self.target_frames, *frames.shape[1:])

    def untrained_names(self) -> frozenset[str]:
        """What updates the global vectors in the encoder's last layer, which nobody reads."""
        return self.unread


def _initialise(network: nn.Cell) -> None:
    """The original's start: linear maps normal with variance 1/fan_in, none of them zero.

    The convolutions after an upsampling get He's weights, those of stem and head keep the default.
    """
    for _, cell in network.cells_and_names():
        if isinstance(cell, Dense):
            initialise.start_normal(cell)
        elif isinstance(cell, FrameUpsample):
            initialise.start_kaiming(cell.conv, SLOPE)


def _unread(settings: EarthformerSettings, network: nn.Cell) -> frozenset[str]:
    level, block = len(settings.encoder_depth) - 1, settings.encoder_depth[-1] - 1
    layer = len(network.encoder.blocks[level][block].attn_l) - 1
    last = f"encoder.blocks.{level}.{block}.attn_l.{layer}."
    names = (name for name, _ in network.parameters_and_names())
    return frozenset(name for name in names if name.startswith(tuple(last + u for u in UNREAD)))
