"""What PreDiff's denoiser and alignment network share, see `models.prediff.pyramid`."""

from __future__ import annotations

import itertools
import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

GROUPS = 32
HIDDEN_MULTIPLE = 4


def units_of(settings: dict[str, Any]) -> list[int]:
    """Channels of every level."""
    ratio = settings["downsample"] ** settings["scale_alpha"]
    return [settings["base_units"] * int(ratio**i) for i in range(len(settings["depth"]))]


def shapes_of(settings: dict[str, Any], shape: tuple[int, int, int]) -> list[tuple[int, ...]]:
    """(T, H, W) of every level."""
    t, h, w = shape
    factors = [settings["downsample"] ** i for i in range(len(settings["depth"]))]
    return [(t, math.ceil(h / f), math.ceil(w / f)) for f in factors]


def group_norm(channels: int) -> nn.GroupNorm:
    return nn.GroupNorm(channels if channels % GROUPS else GROUPS, channels)


class TimeResBlock(nn.Module):
    """(N, C, T, H, W); without an embedding where its width is None."""

    def __init__(self, channels: int, out: int, embedding: int | None, dropout: float) -> None:
        super().__init__()
        first, last = nn.Conv3d(channels, out, 3, padding=1), nn.Conv3d(out, out, 3, padding=1)
        self.in_layers = nn.Sequential(group_norm(channels), nn.SiLU(), first)
        self.emb_layers = None
        if embedding is not None:
            self.emb_layers = nn.Sequential(nn.SiLU(), nn.Linear(embedding, out))
        self.out_layers = nn.Sequential(group_norm(out), nn.SiLU(), nn.Dropout(dropout), last)
        same = channels == out
        self.skip_connection = nn.Identity() if same else nn.Conv3d(channels, out, 1)

    def forward(self, x: Tensor, embedding: Tensor | None = None) -> Tensor:
        h = self.in_layers(x)
        if self.emb_layers is not None:
            h = h + self.emb_layers(embedding)[:, :, None, None, None]
        return self.skip_connection(x) + self.out_layers(h)


class AxialAttention(nn.Module):
    """Self-attention along one axis of (N, T, H, W, C), with a learned bias by distance."""

    def __init__(self, channels: int, length: int, axis: int, settings: dict[str, Any]) -> None:
        super().__init__()
        self.axis, self.heads = axis, settings["heads"]
        self.norm = nn.LayerNorm(channels)
        self.qkv = nn.Linear(channels, 3 * channels, bias=False)
        self.relative_position_bias_table = nn.Parameter(torch.zeros(2 * length - 1, self.heads))
        place = torch.arange(length)
        self.register_buffer("offset", place[:, None] - place + length - 1, persistent=False)
        self.attention_dropout = settings["attention_dropout"]
        self.proj = nn.Linear(channels, channels)
        self.projection_dropout = nn.Dropout(settings["projection_dropout"])

    def forward(self, x: Tensor) -> Tensor:
        tokens = self.norm(x).movedim(self.axis, 3)
        *sets, length, channels = tokens.shape
        qkv = self.qkv(tokens).reshape(-1, length, 3, self.heads, channels // self.heads)
        query, key, value = qkv.permute(2, 0, 3, 1, 4)
        bias = self.relative_position_bias_table[self.offset].permute(2, 0, 1)
        scores = torch.matmul(query * query.shape[-1] ** -0.5, key.transpose(2, 3)) + bias
        weights = F.dropout(F.softmax(scores, dim=-1), self.attention_dropout, self.training)
        mixed = torch.matmul(weights, value).transpose(1, 2).reshape(*sets, length, channels)
        return self.projection_dropout(self.proj(mixed)).movedim(3, self.axis)


class FeedForward(nn.Module):
    """x + W2 gelu(W1 LN(x))."""

    def __init__(self, channels: int, dropout: float) -> None:
        super().__init__()
        self.layer_norm = nn.LayerNorm(channels)
        self.ffn_1 = nn.Linear(channels, HIDDEN_MULTIPLE * channels)
        self.ffn_2 = nn.Linear(HIDDEN_MULTIPLE * channels, channels)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.dropout(F.gelu(self.ffn_1(self.layer_norm(x))))
        return x + self.dropout(self.ffn_2(hidden))


class CuboidStack(nn.Module):
    """Attention along T, H and W, each with a feed-forward block after it."""

    def __init__(self, channels: int, shape: tuple[int, ...], settings: dict[str, Any]) -> None:
        super().__init__()
        axes = enumerate(shape, start=1)
        attentions = [AxialAttention(channels, length, axis, settings) for axis, length in axes]
        self.attn_l = nn.ModuleList(attentions)
        forwards = [FeedForward(channels, settings["ffn_dropout"]) for _ in shape]
        self.ffn_l = nn.ModuleList(forwards)

    def forward(self, x: Tensor) -> Tensor:
        for attention, feed_forward in zip(self.attn_l, self.ffn_l, strict=True):
            x = feed_forward(x + attention(x))
        return x


class PatchMerging(nn.Module):
    """(N, T, H, W, C) -> (N, T, H / f, W / f, C'), zeros where f does not divide."""

    def __init__(self, channels: int, out: int, factor: int) -> None:
        super().__init__()
        self.factor = factor
        self.norm = nn.LayerNorm(factor * factor * channels)
        self.reduction = nn.Linear(factor * factor * channels, out, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        f = self.factor
        n, t, h, w, c = x.shape
        x = F.pad(x, (0, 0, 0, -w % f, 0, -h % f))
        patches = x.reshape(n, t, -(-h // f), f, -(-w // f), f, c).permute(0, 1, 2, 4, 3, 5, 6)
        return self.reduction(self.norm(patches.flatten(4)))


class Positions(nn.Module):
    """One learned vector a frame, a row and a column."""

    def __init__(self, channels: int, shape: tuple[int, int, int]) -> None:
        super().__init__()
        self.T_embed = nn.Embedding(shape[0], channels)
        self.H_embed = nn.Embedding(shape[1], channels)
        self.W_embed = nn.Embedding(shape[2], channels)

    def forward(self, x: Tensor) -> Tensor:
        frames, rows = self.T_embed.weight[:, None, None], self.H_embed.weight[:, None]
        return x + (frames + rows + self.W_embed.weight)


class TimeEmbedding(nn.Module):
    """[cos, sin] of the step through two linear layers."""

    def __init__(self, base: int, width: int) -> None:
        super().__init__()
        exponent = -math.log(10000) * torch.arange(base // 2) / (base // 2)
        self.register_buffer("frequency", exponent.exp(), persistent=False)
        self.layer = nn.Sequential(nn.Linear(base, width), nn.SiLU(), nn.Linear(width, width))

    def forward(self, t: Tensor) -> Tensor:
        angle = t.float()[:, None] * self.frequency
        return self.layer(torch.cat((angle.cos(), angle.sin()), 1))


class CuboidPyramid(nn.Module):
    """The descending half."""

    def __init__(
        self, settings: dict[str, Any], shape: tuple[int, int, int], in_channels: int
    ) -> None:
        super().__init__()
        units, width = units_of(settings), settings["time_embedding_multiple"]
        self.settings, self.shapes = settings, shapes_of(settings, shape)
        self.first_proj = TimeResBlock(in_channels, units[0], None, settings["projection_dropout"])
        self.pos_embed = Positions(units[0], shape)
        self.time_embed = TimeEmbedding(units[0], width * units[0])
        pairs = itertools.pairwise(units)
        merges = [PatchMerging(a, b, settings["downsample"]) for a, b in pairs]
        self.downsample_layers = nn.ModuleList(merges)
        self.down_self_blocks, self.down_time_embed_blocks = levels(settings, self.shapes)

    def descend(self, x: Tensor, step: Tensor) -> list[Tensor]:
        """(N, T, H, W, C) -> the output of every level."""
        # contiguous: torch 2.13 crashes in the gradient of a group norm of permuted data
        first = self.first_proj(x.permute(0, 4, 1, 2, 3).contiguous())
        x = self.pos_embed(first.permute(0, 2, 3, 4, 1))
        outputs: list[Tensor] = []
        for i, (blocks, resblock) in enumerate(
            zip(self.down_self_blocks, self.down_time_embed_blocks, strict=True)
        ):
            x = self.downsample_layers[i - 1](x) if i > 0 else x
            for block in blocks:
                x = block(with_step(resblock, x, step))
            outputs.append(x)
        return outputs


def levels(
    settings: dict[str, Any], shapes: list[tuple[int, ...]]
) -> tuple[nn.ModuleList, nn.ModuleList]:
    """Cuboid stacks [level][block], and the time block that those of a level share."""
    units, depth = units_of(settings), settings["depth"]
    width = settings["time_embedding_multiple"] * units[0]
    sizes = zip(units, shapes, depth, strict=True)
    stacks = [
        nn.ModuleList([CuboidStack(channels, shape, settings) for _ in range(blocks)])
        for channels, shape, blocks in sizes
    ]
    resblocks = [TimeResBlock(channels, channels, width, 0.0) for channels in units]
    return nn.ModuleList(stacks), nn.ModuleList(resblocks)


def with_step(block: TimeResBlock, x: Tensor, step: Tensor) -> Tensor:
    """A time block on (N, T, H, W, C)."""
    return block(x.permute(0, 4, 1, 2, 3), step).permute(0, 2, 3, 4, 1)
