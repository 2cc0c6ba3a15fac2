"""PreDiff's alignment network, see `models.prediff.alignment`."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.bench.torch_networks.cuboid_pyramid import CuboidPyramid, units_of


class AttentionPool(nn.Module):
    """(N, C, tokens) -> (N, out): the mean token asks."""

    def __init__(self, channels: int, tokens: int, out: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.positional_embedding = nn.Parameter(torch.randn(channels, tokens + 1))
        self.qkv_proj = nn.Linear(channels, 3 * channels)
        self.c_proj = nn.Linear(channels, out)

    def forward(self, x: Tensor) -> Tensor:
        tokens = torch.cat((x.mean(2, keepdim=True), x), 2) + self.positional_embedding
        qkv = self.qkv_proj(tokens.transpose(1, 2)).unflatten(2, (3, self.heads, -1))
        query, key, value = qkv.permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(query[:, :, :1], key, value)
        return self.c_proj(mixed.flatten(1))


class AlignmentNetwork(CuboidPyramid):
    """z (N, T, H, W, C), t (N,) -> (N, T, out)."""

    def __init__(self, settings: dict[str, Any], shape: tuple[int, int, int, int]) -> None:
        super().__init__(settings, shape[:3], shape[3])
        units = units_of(settings)[-1]
        _, height, width = self.shapes[-1]
        pool = AttentionPool(units, height * width, settings["out_channels"], settings["heads"])
        self.out = nn.Sequential(nn.GroupNorm(min(units, 32), units), nn.SiLU(), pool)

    def forward(self, z: Tensor, t: Tensor) -> Tensor:
        x = self.descend(z, self.time_embed(t))[-1]
        n, frames = x.shape[:2]
        return self.out(x.flatten(0, 1).flatten(1, 2).transpose(1, 2)).unflatten(0, (n, frames))


def build(settings: dict[str, Any]) -> AlignmentNetwork:
    autoencoder = settings["autoencoder"]
    factor = 2 ** (len(autoencoder["block_channels"]) - 1)
    height, width = (side // factor for side in settings["frame_size"])
    shape = (settings["target_frames"], height, width, autoencoder["latent_channels"])
    return AlignmentNetwork(settings["alignment"], shape)
