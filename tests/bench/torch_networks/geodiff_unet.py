"""GeoDiff's 3-D U-Net, see `models.geodiff.unet3d`. Levels are folded into the batch."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.bench.torch_networks.diffcast_denoiser import number_embedding

INNER_HEAD = 32
LARGEST_ROTATED = 32


class ResnetBlock(nn.Module):
    """(F, C, H, W) with scale and shift of each frame, if it takes the step."""

    def __init__(self, channels: int, out: int, step_width: int | None) -> None:
        super().__init__()
        self.mlp = None
        if step_width is not None:
            self.mlp = nn.Sequential(nn.SiLU(), nn.Linear(step_width, 2 * out))
        self.block1, self.block2 = Block(channels, out), Block(out, out)
        self.res_conv = nn.Identity() if channels == out else nn.Conv2d(channels, out, 1)

    def forward(self, x: Tensor, step: Tensor | None = None) -> Tensor:
        scale_shift = None
        if self.mlp is not None and step is not None:
            message = self.mlp(step).repeat_interleave(x.shape[0] // step.shape[0], 0)
            scale_shift = message[:, :, None, None].chunk(2, dim=1)
        return self.block2(self.block1(x, scale_shift)) + self.res_conv(x)


class Block(nn.Module):
    """Convolution, RMS norm, scale and shift, SiLU."""

    def __init__(self, channels: int, out: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(channels, out, 3, padding=1)
        self.norm = RMSNorm(out)

    def forward(self, x: Tensor, scale_shift: tuple[Tensor, Tensor] | None = None) -> Tensor:
        x = self.norm(self.proj(x))
        if scale_shift is not None:
            scale, shift = scale_shift
            x = x * (scale + 1) + shift
        return F.silu(x)


class RMSNorm(nn.Module):
    """Over the channels."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(channels, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        return F.normalize(x, dim=1) * (self.gamma * x.shape[1] ** 0.5)


class Norm(nn.Module):
    """Layer norm of the last axis without a shift."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(channels))

    def forward(self, x: Tensor) -> Tensor:
        return F.layer_norm(x, self.gamma.shape, self.gamma)


class Normed(nn.Module):
    """fn of the normed tokens."""

    def __init__(self, channels: int, fn: nn.Module) -> None:
        super().__init__()
        self.norm, self.fn = Norm(channels), fn

    def forward(self, tokens: Tensor, *extra: Tensor) -> Tensor:
        return self.fn(self.norm(tokens), *extra)


class Nest(nn.Module):
    """One more `fn.` in the names."""

    def __init__(self, fn: nn.Module) -> None:
        super().__init__()
        self.fn = fn

    def forward(self, tokens: Tensor, *extra: Tensor) -> Tensor:
        return self.fn(tokens, *extra)


class Residual(nn.Module):
    """x + branch(x) of frames (F, C, H, W); the branch takes tokens (F, H W, C)."""

    def __init__(self, channels: int, attention: nn.Module, nested: bool) -> None:
        super().__init__()
        self.fn = Normed(channels, Nest(attention) if nested else attention)

    def forward(self, x: Tensor, *extra: Tensor) -> Tensor:
        tokens = self.fn(x.flatten(2).transpose(1, 2), *extra)
        return x + tokens.transpose(1, 2).reshape(x.shape)


class LevelAttention(nn.Module):
    """Every column of levels to itself, with rotary positions and a bias by distance."""

    def __init__(self, channels: int, heads: int, size: int, levels: int) -> None:
        super().__init__()
        self.levels, self.heads, self.size = levels, heads, size
        self.to_qkv = nn.Linear(channels, 3 * heads * size, bias=False)
        self.to_out = nn.Linear(heads * size, channels, bias=False)
        rotated = min(LARGEST_ROTATED, size)
        frequency = 10000.0 ** (-torch.arange(0, rotated, 2) / rotated)
        angle = torch.arange(levels)[:, None] * frequency
        angle = F.pad(angle, (0, (size - rotated) // 2))  # features beyond do not turn
        self.register_buffer("cos", angle.cos(), persistent=False)
        self.register_buffer("sin", angle.sin(), persistent=False)

    def forward(self, tokens: Tensor, bias: Tensor) -> Tensor:
        f, p, _ = tokens.shape
        qkv = self.to_qkv(tokens).reshape(
            -1, self.levels, p, 3, self.heads, self.to_out.in_features // self.heads
        )
        query, key, value = qkv.permute(3, 0, 2, 4, 1, 5)  # (N, P, heads, Z, size)
        query, key = self.turned(query), self.turned(key)
        logits = torch.matmul(query * query.shape[-1] ** -0.5, key.transpose(-1, -2)) + bias
        mixed = torch.matmul(F.softmax(logits, dim=-1), value)
        return self.to_out(mixed.permute(0, 3, 1, 2, 4).reshape(f, p, -1))

    def turned(self, x: Tensor) -> Tensor:
        even, odd = x.unflatten(-1, (-1, 2)).unbind(-1)
        turned = (even * self.cos - odd * self.sin, odd * self.cos + even * self.sin)
        return torch.stack(turned, -1).flatten(-2)


class FrameAttention(nn.Module):
    """Every position of a frame to every other."""

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.to_qkv = nn.Linear(channels, 3 * heads * INNER_HEAD, bias=False)
        self.to_out = nn.Linear(heads * INNER_HEAD, channels, bias=False)

    def forward(self, tokens: Tensor) -> Tensor:
        qkv = self.to_qkv(tokens).unflatten(2, (3, self.heads, INNER_HEAD))
        query, key, value = qkv.permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(query, key, value)
        return self.to_out(mixed.transpose(1, 2).flatten(2))


class LinearAttention(nn.Module):
    """Of linear cost in the positions of a frame."""

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.to_qkv = nn.Linear(channels, 3 * heads * INNER_HEAD, bias=False)
        self.to_out = nn.Linear(heads * INNER_HEAD, channels)

    def forward(self, tokens: Tensor) -> Tensor:
        qkv = self.to_qkv(tokens).unflatten(2, (3, self.heads, INNER_HEAD))
        query, key, value = qkv.permute(2, 0, 3, 1, 4)  # (F, heads, P, 32)
        query = F.softmax(query, dim=-1) * INNER_HEAD**-0.5
        context = torch.matmul(F.softmax(key, dim=-2).transpose(-1, -2), value)
        return self.to_out(torch.matmul(query, context).transpose(1, 2).flatten(2))


class PositionBias(nn.Module):
    """(heads, Z, Z)."""

    def __init__(self, levels: int, heads: int, buckets: int, max_distance: int) -> None:
        super().__init__()
        self.relative_attention_bias = nn.Embedding(buckets, heads)
        bucket = torch.from_numpy(bucket_table(levels, buckets, max_distance))
        self.register_buffer("bucket", bucket, persistent=False)

    def forward(self) -> Tensor:
        return self.relative_attention_bias(self.bucket).permute(2, 0, 1)


def bucket_table(levels: int, buckets: int, max_distance: int) -> np.ndarray:
    """(Z, Z): half of the buckets for keys after the query; near ones alone, far ones shared."""
    distance = np.arange(levels)[:, None] - np.arange(levels)
    half, exact, far = buckets // 2, buckets // 4, np.abs(distance)
    ratio = np.log(np.maximum(far, exact) / exact) / math.log(max_distance / exact)
    wide = np.minimum(exact + (ratio * (half - exact)).astype(np.int64), half - 1)
    return np.where(distance < 0, half, 0) + np.where(far < exact, far, wide)


class UNet3d(nn.Module):
    """x (N, Z, in, H, W), t (N,) -> (N, Z, out, H, W)."""

    def __init__(self, settings: dict[str, Any], levels: int, in_channels: int, out: int) -> None:
        super().__init__()
        dim, heads = settings["dim"], settings["heads"]
        widths = [dim * multiple for multiple in settings["multiples"]]
        size, kernel = settings["head_size"], settings["first_kernel"]

        def over_levels(channels: int) -> Residual:
            return Residual(channels, LevelAttention(channels, heads, size, levels), nested=True)

        def stage(channels: int, width: int, resample: nn.Module) -> nn.ModuleList:
            blocks = [ResnetBlock(channels, width, 4 * dim), ResnetBlock(width, width, 4 * dim)]
            linear = Residual(width, LinearAttention(width, heads), nested=False)
            return nn.ModuleList([*blocks, linear, over_levels(width), resample])

        self.time_rel_pos_bias = PositionBias(
            levels, heads, settings["buckets"], settings["max_distance"]
        )
        self.init_conv = nn.Conv2d(in_channels, dim, kernel, padding=kernel // 2)
        self.init_temporal_attn = over_levels(dim)
        self.time_mlp = number_embedding(dim)
        pairs = list(zip((dim, *widths[:-1]), widths, strict=True))
        last = len(pairs) - 1
        self.downs = nn.ModuleList(
            [
                stage(a, b, nn.Identity() if i == last else nn.Conv2d(b, b, 4, 2, 1))
                for i, (a, b) in enumerate(pairs)
            ]
        )
        top = widths[-1]
        self.mid_block1 = ResnetBlock(top, top, 4 * dim)
        self.mid_spatial_attn = Residual(top, FrameAttention(top, heads), nested=True)
        self.mid_temporal_attn = over_levels(top)
        self.mid_block2 = ResnetBlock(top, top, 4 * dim)
        self.ups = nn.ModuleList(
            [
                stage(2 * b, a, nn.Identity() if i == last else nn.ConvTranspose2d(a, a, 4, 2, 1))
                for i, (a, b) in enumerate(reversed(pairs))
            ]
        )
        self.final_conv = nn.ModuleList([ResnetBlock(2 * dim, dim, None), nn.Conv2d(dim, out, 1)])

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        n, z = x.shape[:2]
        bias, step = self.time_rel_pos_bias(), self.time_mlp(t)
        h = first = self.init_temporal_attn(self.init_conv(x.flatten(0, 1)), bias)
        kept = []
        for one, two, linear, levels, resample in self.downs:
            h = levels(linear(two(one(h, step), step)), bias)
            kept.append(h)
            h = resample(h)
        h = self.mid_temporal_attn(self.mid_spatial_attn(self.mid_block1(h, step)), bias)
        h = self.mid_block2(h, step)
        for one, two, linear, levels, resample in self.ups:
            h = torch.cat((h, kept.pop()), 1)
            h = resample(levels(linear(two(one(h, step), step)), bias))
        h = self.final_conv[1](self.final_conv[0](torch.cat((h, first), 1)))
        return h.unflatten(0, (n, z))


def build(settings: dict[str, Any]) -> UNet3d:
    channels = settings["image_channels"]
    return UNet3d(settings["denoiser"], len(settings["levels_hpa"]), channels, channels)
