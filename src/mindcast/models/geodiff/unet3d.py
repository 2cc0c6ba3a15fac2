"""The space-time factorised U-Net (Ho et al. 2022, video diffusion) with levels as its frames.

Differs from the released code: `init_dim` does not exist (a value other than `dim` crashed there),
nor does `block_type`, which nothing read.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from mindspore import Parameter, Tensor, nn, ops

from mindcast.layers import initialise
from mindcast.layers.activation import Gelu
from mindcast.layers.dense import Dense
from mindcast.layers.embedding import SinesThenCosines
from mindcast.models.geodiff.attention import (
    FrameAttention,
    LevelAttention,
    LinearAttention,
    RelativePositionBias,
    Residual,
)
from mindcast.models.geodiff.blocks import UPSAMPLES, Downsample, FrameConv, ResnetBlock
from mindcast.models.geodiff.settings import UNetSettings


class UNet3d(nn.Cell):
    """(N, Z, in, H, W) -> (N, Z, out, H, W); H and W divisible by 2^(stages - 1).

    positions (Z,): of the levels, see `positions.level_positions`. with_step: whether the
    diffusion step enters. conditioning_width: of a conditioning vector beside the step (0: none).
    """

    def __init__(
        self,
        settings: UNetSettings,
        in_channels: int,
        out_channels: int,
        positions: np.ndarray,
        with_step: bool = True,
        conditioning_width: int = 0,
    ) -> None:
        super().__init__()
        dim, widths = settings.dim, settings.widths
        self.stages = len(widths)
        step_width = 4 * dim + conditioning_width if with_step else None
        self.time_rel_pos_bias = RelativePositionBias(
            len(positions), settings.heads, settings.buckets, settings.max_distance
        )
        make = _Maker(settings, positions, step_width)
        self.init_conv = make.first_convolution(in_channels)
        self.init_temporal_attn = make.over_levels(dim)
        self.time_mlp = None
        if with_step:
            layers = (SinesThenCosines(dim), Dense(dim, 4 * dim), Gelu(), Dense(4 * dim, 4 * dim))
            self.time_mlp = nn.SequentialCell(*layers)
        self.null_cond_emb = None
        if conditioning_width:
            self.null_cond_emb = Parameter(initialise.normal((1, conditioning_width), 1.0))

        pairs = list(zip((dim, *widths[:-1]), widths, strict=True))
        last = self.stages - 1
        self.downs = nn.CellList([make.down(a, b, i == last) for i, (a, b) in enumerate(pairs)])
        self.mid_block1 = make.block(widths[-1], widths[-1])
        self.mid_spatial_attn = make.over_frame(widths[-1])
        self.mid_temporal_attn = make.over_levels(widths[-1])
        self.mid_block2 = make.block(widths[-1], widths[-1])
        self.ups = nn.CellList(
            [make.up(b, a, i == last) for i, (a, b) in enumerate(reversed(pairs))]
        )
        self.final_conv = nn.CellList(
            [make.block(2 * dim, dim, with_step=False), FrameConv(dim, out_channels, 1)]
        )

    def construct(
        self,
        x: Tensor,
        t: Tensor | None = None,
        features: Sequence[Tensor] = (),
        conditioning: Tensor | None = None,
        null: Tensor | None = None,
        focus: Tensor | None = None,
    ) -> Tensor:
        """x (N, Z, in, H, W) at steps t (N,) int32.

        features: what is added to each stage going down and, last, in the middle.
        conditioning (N, conditioning_width): where null (N,) is 1 the learned vector stands in.
        focus (N,) float: samples whose levels do not see each other.
        """
        n, z, _, height, width = x.shape
        bias = self.time_rel_pos_bias()
        h = self.init_conv(x.reshape(n * z, -1, height, width))
        h = self.init_temporal_attn(h, bias, None)
        first = h
        step = self.step_vector(t, conditioning, null)
        h, skips = self._descend(h, step, features, bias, focus)
        h = self.mid_block1(h, step)
        if len(features) > 0:
            h = h + features[self.stages]
        h = self.mid_temporal_attn(self.mid_spatial_attn(h), bias, focus)
        h = self._ascend(self.mid_block2(h, step), skips, step, bias, focus)
        h = self.final_conv[1](self.final_conv[0](ops.cat((h, first), 1)))
        return h.reshape(n, z, -1, height, width)

    def step_vector(
        self, t: Tensor | None, conditioning: Tensor | None, null: Tensor | None
    ) -> Tensor | None:
        """(N, 4 dim + conditioning width), or None without a step."""
        if self.time_mlp is None:
            return None
        step = self.time_mlp(t)
        if self.null_cond_emb is None:
            return step
        if null is not None:
            absent = null.reshape(-1, 1)
            conditioning = conditioning * (1 - absent) + self.null_cond_emb * absent
        return ops.cat((step, conditioning), 1)

    def _descend(
        self,
        h: Tensor,
        step: Tensor | None,
        features: Sequence[Tensor],
        bias: Tensor,
        focus: Tensor | None,
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        skips = ()
        for i in range(self.stages):
            stage = self.downs[i]
            h = stage[2](stage[1](stage[0](h, step), step))
            h = stage[3](h, bias, focus)
            if len(features) > 0:
                h = h + features[i]
            skips = (*skips, h)
            h = stage[4](h)
        return h, skips

    def _ascend(
        self,
        h: Tensor,
        skips: tuple[Tensor, ...],
        step: Tensor | None,
        bias: Tensor,
        focus: Tensor | None,
    ) -> Tensor:
        for i in range(self.stages):
            stage = self.ups[i]
            h = ops.cat((h, skips[self.stages - 1 - i]), 1)
            h = stage[2](stage[1](stage[0](h, step), step))
            h = stage[4](stage[3](h, bias, focus))
        return h


class _Maker:
    """The parts of the network, all of one style."""

    def __init__(
        self, settings: UNetSettings, positions: np.ndarray, step_width: int | None
    ) -> None:
        self.settings, self.positions, self.step_width = settings, positions, step_width

    def first_convolution(self, in_channels: int) -> FrameConv:
        kernel, mode = self.settings.first_kernel, self.settings.padding_mode
        return FrameConv(in_channels, self.settings.dim, kernel, padding=kernel // 2, mode=mode)

    def block(self, in_channels: int, out_channels: int, with_step: bool = True) -> ResnetBlock:
        step_width = self.step_width if with_step else None
        return ResnetBlock(in_channels, out_channels, step_width, self.settings.padding_mode)

    def over_levels(self, channels: int) -> Residual:
        s = self.settings
        attention = LevelAttention(channels, s.heads, s.head_size, self.positions)
        return Residual(channels, attention, nested=True)

    def over_frame(self, channels: int) -> Residual:
        return Residual(channels, FrameAttention(channels, self.settings.heads), nested=True)

    def linear(self, channels: int) -> nn.Cell:
        if not self.settings.linear_attention:
            return nn.Identity()
        return Residual(channels, LinearAttention(channels, self.settings.heads), nested=False)

    def down(self, in_channels: int, out_channels: int, last: bool) -> nn.CellList:
        resample = nn.Identity() if last else Downsample(out_channels, self.settings.padding_mode)
        return self._stage(in_channels, out_channels, resample)

    def up(self, in_channels: int, out_channels: int, last: bool) -> nn.CellList:
        resample: nn.Cell = nn.Identity()
        if not last:
            upsample = UPSAMPLES[self.settings.upsample]
            resample = upsample(out_channels, self.settings.padding_mode)
        return self._stage(2 * in_channels, out_channels, resample)

    def _stage(self, in_channels: int, out_channels: int, resample: nn.Cell) -> nn.CellList:
        return nn.CellList(
            [
                self.block(in_channels, out_channels),
                self.block(out_channels, out_channels),
                self.linear(out_channels),
                self.over_levels(out_channels),
                resample,
            ]
        )
