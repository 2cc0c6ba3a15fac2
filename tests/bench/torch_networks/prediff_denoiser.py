"""PreDiff's Earthformer-UNet, see `models.prediff.earthformer_unet`."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.bench.torch_networks.cuboid_pyramid import CuboidPyramid, levels, units_of, with_step


class FrameUpsample(nn.Module):
    """Each frame alone, to the size of the level above."""

    def __init__(self, channels: int, out: int, frame: tuple[int, ...], kernel: int) -> None:
        super().__init__()
        self.frame = frame
        self.conv = nn.Conv2d(channels, out, kernel, padding=kernel // 2)

    def forward(self, x: Tensor) -> Tensor:
        n, t = x.shape[:2]
        frames = F.interpolate(x.flatten(0, 1).permute(0, 3, 1, 2), size=self.frame)
        return self.conv(frames).permute(0, 2, 3, 1).unflatten(0, (n, t))


class EarthformerUNet(CuboidPyramid):
    """x (N, T, H, W, C), t (N,), conditioning (N, Tc, H, W, C) -> as x."""

    def __init__(
        self, settings: dict[str, Any], context: int, target: int, latent: tuple[int, int, int]
    ) -> None:
        channels, height, width = latent
        super().__init__(settings, (context + target, height, width), channels + 1)
        units, kernel = units_of(settings), settings["upsample_kernel"]
        self.context = context
        marks = (torch.arange(context + target) < context).float()
        self.register_buffer("marks", marks[None, :, None, None, None], persistent=False)
        self.upsample_layers = nn.ModuleList(
            [
                FrameUpsample(coarse, fine, shape[1:], kernel)
                for fine, coarse, shape in zip(units, units[1:], self.shapes, strict=False)
            ]
        )
        self.up_self_blocks, self.up_time_embed_blocks = levels(settings, self.shapes)
        self.final_proj = nn.Linear(units[0], channels)

    def forward(self, x: Tensor, t: Tensor, conditioning: Tensor) -> Tensor:
        both = torch.cat((conditioning, x), 1)
        seen = torch.cat((both, self.marks.expand(*both.shape[:4], 1)), 4)
        step = self.time_embed(t)
        outputs = self.descend(seen, step)
        x = outputs[-1]
        for i in reversed(range(len(outputs))):
            if i < len(outputs) - 1:
                x = x + outputs[i]
            for block in self.up_self_blocks[i]:
                x = block(with_step(self.up_time_embed_blocks[i], x, step))
            x = self.upsample_layers[i - 1](x) if i > 0 else x
        return self.final_proj(x[:, self.context :])


def build(settings: dict[str, Any]) -> EarthformerUNet:
    autoencoder = settings["autoencoder"]
    factor = 2 ** (len(autoencoder["block_channels"]) - 1)
    height, width = (side // factor for side in settings["frame_size"])
    latent = (autoencoder["latent_channels"], height, width)
    frames = (settings["context_frames"], settings["target_frames"])
    return EarthformerUNet(settings["denoiser"], *frames, latent)
