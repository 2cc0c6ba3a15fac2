"""PreDiff's frame autoencoder, see `models.prediff.vae`."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn
from torch.nn import functional as F

EPS = 1e-6


class ResnetBlock(nn.Module):
    """(N, C, H, W)."""

    def __init__(self, channels: int, out: int, groups: int) -> None:
        super().__init__()
        self.norm1 = nn.GroupNorm(groups, channels, EPS)
        self.conv1 = nn.Conv2d(channels, out, 3, padding=1)
        self.norm2 = nn.GroupNorm(groups, out, EPS)
        self.conv2 = nn.Conv2d(out, out, 3, padding=1)
        self.conv_shortcut = nn.Conv2d(channels, out, 1) if channels != out else None

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.conv1(F.silu(self.norm1(x)))
        hidden = self.conv2(F.silu(self.norm2(hidden)))
        return (x if self.conv_shortcut is None else self.conv_shortcut(x)) + hidden


class AttentionBlock(nn.Module):
    """Every pixel to every pixel, one head."""

    def __init__(self, channels: int, groups: int) -> None:
        super().__init__()
        self.group_norm = nn.GroupNorm(groups, channels, EPS)
        self.query, self.key, self.value, self.proj_attn = (
            nn.Linear(channels, channels) for _ in range(4)
        )

    def forward(self, x: Tensor) -> Tensor:
        tokens = self.group_norm(x).flatten(2).transpose(1, 2)
        query, key, value = self.query(tokens), self.key(tokens), self.value(tokens)
        mixed = self.proj_attn(F.scaled_dot_product_attention(query, key, value))
        return x + mixed.transpose(1, 2).reshape(x.shape)


class MidBlock(nn.Module):
    """At the coarsest level."""

    def __init__(self, channels: int, groups: int) -> None:
        super().__init__()
        self.resnets = nn.ModuleList([ResnetBlock(channels, channels, groups) for _ in range(2)])
        self.attentions = nn.ModuleList([AttentionBlock(channels, groups)])

    def forward(self, x: Tensor) -> Tensor:
        return self.resnets[1](self.attentions[0](self.resnets[0](x)))


class Downsample(nn.Module):
    """A zero row below and a zero column to the right, then stride 2."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(F.pad(x, (0, 1, 0, 1)))


class Upsample(nn.Module):
    """Twice the sides."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(F.interpolate(x, scale_factor=2))


class Level(nn.Module):
    """ResNet blocks, then (but for the last level) the change of size."""

    def __init__(
        self, channels: int, out: int, layers: int, groups: int, name: str, change: nn.Module | None
    ) -> None:
        super().__init__()
        inputs = [channels] + [out] * (layers - 1)
        self.resnets = nn.ModuleList([ResnetBlock(c, out, groups) for c in inputs])
        self.add_module(name, nn.ModuleList([] if change is None else [change]))
        self.name = name

    def forward(self, x: Tensor) -> Tensor:
        for layer in (*self.resnets, *getattr(self, self.name)):
            x = layer(x)
        return x


def levels(widths: list[int], layers: int, groups: int, name: str, change: type) -> nn.ModuleList:
    """All levels, `change` between them."""
    last = len(widths) - 1
    return nn.ModuleList(
        [
            Level(
                widths[max(i - 1, 0)],
                width,
                layers,
                groups,
                name,
                None if i == last else change(width),
            )
            for i, width in enumerate(widths)
        ]
    )


class Encoder(nn.Module):
    """(N, 1, H, W) -> (N, 2 latent, H / f, W / f)."""

    def __init__(self, settings: dict[str, Any]) -> None:
        super().__init__()
        widths, groups = settings["block_channels"], settings["norm_groups"]
        self.conv_in = nn.Conv2d(1, widths[0], 3, padding=1)
        layers = settings["layers_per_block"]
        self.down_blocks = levels(widths, layers, groups, "downsamplers", Downsample)
        self.mid_block = MidBlock(widths[-1], groups)
        self.conv_norm_out = nn.GroupNorm(groups, widths[-1], EPS)
        self.conv_out = nn.Conv2d(widths[-1], 2 * settings["latent_channels"], 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv_in(x)
        for block in self.down_blocks:
            x = block(x)
        return self.conv_out(F.silu(self.conv_norm_out(self.mid_block(x))))


class Decoder(nn.Module):
    """(N, latent, h, w) -> (N, 1, f h, f w)."""

    def __init__(self, settings: dict[str, Any]) -> None:
        super().__init__()
        widths, groups = settings["block_channels"][::-1], settings["norm_groups"]
        self.conv_in = nn.Conv2d(settings["latent_channels"], widths[0], 3, padding=1)
        self.mid_block = MidBlock(widths[0], groups)
        layers = settings["layers_per_block"] + 1
        self.up_blocks = levels(widths, layers, groups, "upsamplers", Upsample)
        self.conv_norm_out = nn.GroupNorm(groups, widths[-1], EPS)
        self.conv_out = nn.Conv2d(widths[-1], 1, 3, padding=1)

    def forward(self, z: Tensor) -> Tensor:
        x = self.mid_block(self.conv_in(z))
        for block in self.up_blocks:
            x = block(x)
        return self.conv_out(F.silu(self.conv_norm_out(x)))


class Autoencoder(nn.Module):
    """`moments` of frames, `decode` of latents."""

    def __init__(self, settings: dict[str, Any]) -> None:
        super().__init__()
        latent = settings["latent_channels"]
        self.encoder, self.decoder = Encoder(settings), Decoder(settings)
        self.quant_conv = nn.Conv2d(2 * latent, 2 * latent, 1)
        self.post_quant_conv = nn.Conv2d(latent, latent, 1)

    def moments(self, x: Tensor) -> Tensor:
        return self.quant_conv(self.encoder(x))

    def decode(self, z: Tensor) -> Tensor:
        return self.decoder(self.post_quant_conv(z))


def build(settings: dict[str, Any]) -> Autoencoder:
    return Autoencoder(settings["autoencoder"])
