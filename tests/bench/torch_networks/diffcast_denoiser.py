"""DiffCast's denoiser of one segment, see `models.diffcast.unet`."""

from __future__ import annotations

import itertools
import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

GROUPS, HEADS, HEAD_CHANNELS = 8, 4, 32


class Block(nn.Module):
    """Convolution, group norm, scale and shift, SiLU."""

    def __init__(self, channels: int, out: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(channels, out, 3, padding=1)
        self.norm = nn.GroupNorm(GROUPS, out)

    def forward(self, x: Tensor, scale_shift: tuple[Tensor, Tensor] | None = None) -> Tensor:
        x = self.norm(self.proj(x))
        if scale_shift is not None:
            scale, shift = scale_shift
            x = x * (scale + 1) + shift
        return F.silu(x)


class ResnetBlock(nn.Module):
    """(N, C, H, W) and the embedding (N, E)."""

    def __init__(self, channels: int, out: int, embedding: int) -> None:
        super().__init__()
        self.mlp = nn.Sequential(nn.SiLU(), nn.Linear(embedding, 2 * out))
        self.block1, self.block2 = Block(channels, out), Block(out, out)
        self.res_conv = nn.Identity() if channels == out else nn.Conv2d(channels, out, 1)

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        scale, shift = self.mlp(embedding)[:, :, None, None].chunk(2, dim=1)
        return self.block2(self.block1(x, (scale, shift))) + self.res_conv(x)


class RMSNorm(nn.Module):
    """Over the channels."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.g = nn.Parameter(torch.ones(1, channels, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        return F.normalize(x, dim=1) * (self.g * x.shape[1] ** 0.5)


class PreNorm(nn.Module):
    """fn of the normed input."""

    def __init__(self, channels: int, fn: nn.Module) -> None:
        super().__init__()
        self.fn, self.norm = fn, RMSNorm(channels)

    def forward(self, x: Tensor) -> Tensor:
        return self.fn(self.norm(x))


class Residual(nn.Module):
    """x + fn(norm(x))."""

    def __init__(self, channels: int, fn: nn.Module) -> None:
        super().__init__()
        self.fn = PreNorm(channels, fn)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.fn(x)


class PixelAttention(nn.Module):
    """Every pixel to every pixel."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.to_qkv = nn.Conv2d(channels, 3 * HEADS * HEAD_CHANNELS, 1, bias=False)
        self.to_out = nn.Conv2d(HEADS * HEAD_CHANNELS, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        n, _, h, w = x.shape
        qkv = self.to_qkv(x).reshape(n, 3, HEADS, HEAD_CHANNELS, h * w).transpose(3, 4)
        mixed = F.scaled_dot_product_attention(*qkv.unbind(1))
        return self.to_out(mixed.transpose(2, 3).reshape(n, -1, h, w))


class SpatialGate(nn.Module):
    """A kernel of 21 x 21 pixels of three convolutions, times a gate of every channel's mean."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        hidden = channels // max(channels // 16, 4)
        self.conv0 = nn.Conv2d(channels, channels, 5, padding=2, groups=channels)
        self.conv_spatial = nn.Conv2d(channels, channels, 7, padding=9, dilation=3, groups=channels)
        self.conv1 = nn.Conv2d(channels, channels, 1)
        self.fc = nn.Sequential(
            nn.Linear(channels, hidden, bias=False),
            nn.ReLU(),
            nn.Linear(hidden, channels, bias=False),
        )

    def forward(self, u: Tensor) -> Tensor:
        a = self.conv1(self.conv_spatial(self.conv0(u)))
        s = torch.sigmoid(self.fc(u.mean((2, 3))))
        return s[:, :, None, None] * a * u


class LargeKernelAttention(nn.Module):
    """x + proj_2(gate(gelu(proj_1(x))))."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.proj_1 = nn.Conv2d(channels, channels, 1)
        self.spatial_gating_unit = SpatialGate(channels)
        self.proj_2 = nn.Conv2d(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.proj_2(self.spatial_gating_unit(F.gelu(self.proj_1(x))))


class Sines(nn.Module):
    """[sin, cos] of whole numbers (N,)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        half = width // 2
        frequency = torch.exp(torch.arange(half) * (-math.log(10000) / (half - 1)))
        self.register_buffer("frequency", frequency, persistent=False)

    def forward(self, p: Tensor) -> Tensor:
        angle = p.float()[:, None] * self.frequency
        return torch.cat((angle.sin(), angle.cos()), 1)


def number_embedding(dim: int) -> nn.Sequential:
    """(N,) -> (N, 4 dim)."""
    return nn.Sequential(
        Sines(dim), nn.Linear(dim, 4 * dim), nn.GELU(), nn.Linear(4 * dim, 4 * dim)
    )


class DenoiserUNet(nn.Module):
    """x (N, frames, C, H, W), t (N,), previous like x, segment (N,), context features."""

    def __init__(self, dim: int, multiples: list[int], images: int) -> None:
        super().__init__()
        widths = [dim, *(dim * multiple for multiple in multiples)]
        pairs, embedding = list(itertools.pairwise(widths)), 8 * dim
        self.init_conv = nn.Conv2d(2 * images, dim, 7, padding=3)
        self.time_mlp, self.frag_idx_mlp = number_embedding(dim), number_embedding(dim)
        last = pairs[-1]
        self.downs = nn.ModuleList([_down(*pair, embedding, pair is last) for pair in pairs])
        self.mid_block1 = ResnetBlock(last[1], last[1], embedding)
        self.mid_attn = Residual(last[1], PixelAttention(last[1]))
        self.mid_block2 = ResnetBlock(last[1], last[1], embedding)
        self.ups = nn.ModuleList(
            [_up(*pair, embedding, pair is pairs[0]) for pair in reversed(pairs)]
        )
        self.final_res_block = ResnetBlock(2 * dim, dim, embedding)
        self.final_conv = nn.Conv2d(dim, images, 1)

    def forward(
        self, x: Tensor, t: Tensor, previous: Tensor, segment: Tensor, *features: Tensor
    ) -> Tensor:
        embedding = torch.cat((self.time_mlp(t), self.frag_idx_mlp(segment)), 1)
        first = y = self.init_conv(torch.cat((previous, x), 1).flatten(1, 2))
        kept = []
        for (with_context, block, attention, further), known in zip(
            self.downs, features, strict=True
        ):
            y = with_context(torch.cat((y, known), 1), embedding)
            kept.append(y)
            y = attention(block(y, embedding))
            kept.append(y)
            y = further(y)
        y = self.mid_block2(self.mid_attn(self.mid_block1(y, embedding)), embedding)
        for one, two, attention, further in self.ups:
            y = one(torch.cat((y, kept.pop()), 1), embedding)
            y = two(torch.cat((y, kept.pop()), 1), embedding)
            y = further(attention(y))
        y = self.final_res_block(torch.cat((y, first), 1), embedding)
        return self.final_conv(y).reshape(x.shape)


def _down(width: int, wider: int, embedding: int, last: bool) -> nn.ModuleList:
    further = nn.Conv2d(width, wider, 3, padding=1)
    if not last:
        further = nn.Sequential(nn.PixelUnshuffle(2), nn.Conv2d(4 * width, wider, 1))
    return nn.ModuleList(
        [
            ResnetBlock(2 * width, width, embedding),
            ResnetBlock(width, width, embedding),
            Residual(width, LargeKernelAttention(width)),
            further,
        ]
    )


def _up(width: int, wider: int, embedding: int, last: bool) -> nn.ModuleList:
    further = nn.Conv2d(wider, width, 3, padding=1)
    if not last:
        further = nn.Sequential(nn.Upsample(scale_factor=2), further)
    return nn.ModuleList(
        [
            ResnetBlock(wider + width, wider, embedding),
            ResnetBlock(wider + width, wider, embedding),
            Residual(wider, LargeKernelAttention(wider)),
            further,
        ]
    )


def build(settings: dict[str, Any]) -> DenoiserUNet:
    denoiser = settings["denoiser"]
    images = settings["context_frames"] * settings["patch"] ** 2
    return DenoiserUNet(denoiser["dim"], denoiser["multiples"], images)
