"""The Earthformer-UNet: the denoiser of PreDiff (Gao et al. 2023)."""

from __future__ import annotations

import numpy as np
from mindspore import Tensor, nn, ops

from mindcast.layers import initialise
from mindcast.layers.dense import Dense
from mindcast.layers.patch import FrameUpsample
from mindcast.models.prediff.pyramid import CuboidPyramid, level_resblocks, level_stacks
from mindcast.models.prediff.settings import DenoiserSettings, Shape


class EarthformerUNet(CuboidPyramid):
    """Predicts from a noisy latent sequence, the step and the context's latents.

    context_shape, target_shape: (T, H, W, C), equal but for T. The sequences are joined in time
    with one more channel, 1 on context frames and 0 on target frames. guide_channels: of what is
    known about each target frame, further channels that are 0 on context frames. The last layer
    starts at zero, so the untrained network answers 0.
    """

    def __init__(
        self,
        settings: DenoiserSettings,
        context_shape: Shape,
        target_shape: Shape,
        guide_channels: int = 0,
    ) -> None:
        if context_shape[1:] != target_shape[1:]:
            raise ValueError(f"{context_shape=} and {target_shape=} must agree in H, W and C")
        context, target = context_shape[0], target_shape[0]
        channels = target_shape[3]
        seen = channels + 1 + guide_channels
        super().__init__(settings, (context + target, *target_shape[1:3]), seen)
        units = settings.units
        self.context = context
        self.skip_connections = settings.skip_connections
        is_context = (np.arange(context + target) < context).astype(np.float32)
        self.is_context = Tensor(
            np.broadcast_to(is_context[None, :, None, None, None], (1, *self.shapes[0], 1)).copy()
        )
        self.upsample_layers = nn.CellList(
            [
                FrameUpsample(units[i + 1], units[i], self.shapes[i][1:], settings.upsample_kernel)
                for i in range(self.levels - 1)
            ]
        )
        self.up_self_blocks = level_stacks(settings, self.shapes)
        self.up_time_embed_blocks = level_resblocks(settings)
        self.final_proj = initialise.start_zero(Dense(units[0], channels))

    def construct(
        self, x: Tensor, t: Tensor, conditioning: Tensor, guide: Tensor | None = None
    ) -> Tensor:
        """x (N, T, H, W, C) at steps t (N,), conditioning (N, Tc, H, W, C) -> as x.

        guide: (N, T, H, W, guide_channels) where there are any.
        """
        both = ops.cat((conditioning, x), 1)
        marks = ops.tile(self.is_context.astype(both.dtype), (both.shape[0], 1, 1, 1, 1))
        seen = ops.cat((both, marks), 4)
        if guide is not None:
            nothing = ops.zeros((*conditioning.shape[:4], guide.shape[4]), guide.dtype)
            seen = ops.cat((seen, ops.cat((nothing, guide), 1)), 4)
        step = self.time_embed(t)
        outputs = self.descend(self.embedded(seen), step)
        return self.final_proj(self._ascend(outputs, step)[:, self.context :])

    def _ascend(self, outputs: tuple[Tensor, ...], step: Tensor) -> Tensor:
        """From the outputs of the levels going down to the finest level going up."""
        x = outputs[self.levels - 1]
        for i in range(self.levels - 1, -1, -1):
            if i < self.levels - 1 and self.skip_connections:
                x = x + outputs[i]
            for k in range(self.depth[i]):
                x = self.with_step(self.up_time_embed_blocks[i], x, step)
                x = self.up_self_blocks[i][k](x)
            if i > 0:
                x = self.upsample_layers[i - 1](x)
        return x
