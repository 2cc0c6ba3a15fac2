"""The frame autoencoder of PreDiff and the diagonal Gaussians of its latent space.

Gao et al. 2023, section 3; a KL-regularised autoencoder after Rombach et al. 2022.
"""

from __future__ import annotations

import math

from mindspore import Tensor, nn, ops

from mindcast.layers.convolution import Conv2d
from mindcast.layers.norm import GroupNorm
from mindcast.models.prediff.settings import AutoencoderSettings
from mindcast.models.prediff.vae_blocks import NORM_EPS, DownBlock, MidBlock, UpBlock

LOGVAR_RANGE = (-30.0, 20.0)


def _levels(widths: tuple[int, ...]) -> list[tuple[int, int, bool]]:
    """(channels in, channels out, whether it is the last) of every block."""
    last = len(widths) - 1
    return [(widths[max(i - 1, 0)], width, i == last) for i, width in enumerate(widths)]


class Encoder(nn.Cell):
    """Frames to the unprojected moments of their latents."""

    def __init__(self, settings: AutoencoderSettings, in_channels: int) -> None:
        super().__init__()
        widths, groups = settings.block_channels, settings.norm_groups
        self.conv_in = Conv2d(in_channels, widths[0], 3, padding=1)
        self.down_blocks = nn.CellList(
            [
                DownBlock(before, after, settings.layers_per_block, groups, last)
                for before, after, last in _levels(widths)
            ]
        )
        self.mid_block = MidBlock(widths[-1], groups)
        self.conv_norm_out = GroupNorm(groups, widths[-1], NORM_EPS, silu=True)
        self.conv_out = Conv2d(widths[-1], 2 * settings.latent_channels, 3, padding=1)

    def construct(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, 2 latent, H/f, W/f), f = `settings.factor`."""
        x = self.conv_in(x)
        for block in self.down_blocks:
            x = block(x)
        return self.conv_out(self.conv_norm_out(self.mid_block(x)))


class Decoder(nn.Cell):
    """Latents to frames; `features` stops before the last convolution."""

    def __init__(self, settings: AutoencoderSettings, out_channels: int) -> None:
        super().__init__()
        widths, groups = settings.block_channels[::-1], settings.norm_groups
        self.conv_in = Conv2d(settings.latent_channels, widths[0], 3, padding=1)
        self.mid_block = MidBlock(widths[0], groups)
        self.up_blocks = nn.CellList(
            [
                UpBlock(before, after, settings.layers_per_block + 1, groups, last)
                for before, after, last in _levels(widths)
            ]
        )
        self.conv_norm_out = GroupNorm(groups, widths[-1], NORM_EPS, silu=True)
        self.conv_out = Conv2d(widths[-1], out_channels, 3, padding=1)

    def features(self, z: Tensor) -> Tensor:
        """(N, latent, h, w) -> (N, block_channels[0], f h, f w), the input of `conv_out`."""
        x = self.mid_block(self.conv_in(z))
        for block in self.up_blocks:
            x = block(x)
        return self.conv_norm_out(x)

    def construct(self, z: Tensor) -> Tensor:
        """(N, latent, h, w) -> (N, C, f h, f w), neither squashed nor clipped."""
        return self.conv_out(self.features(z))


class Autoencoder(nn.Cell):
    """Frames (N, C, H, W) to a diagonal Gaussian over latents (N, latent, H/f, W/f) and back."""

    def __init__(self, settings: AutoencoderSettings, in_channels: int = 1) -> None:
        super().__init__()
        latent = settings.latent_channels
        self.encoder = Encoder(settings, in_channels)
        self.decoder = Decoder(settings, in_channels)
        self.quant_conv = Conv2d(2 * latent, 2 * latent, 1)
        self.post_quant_conv = Conv2d(latent, latent, 1)

    def construct(self, x: Tensor, noise: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Frames and standard normal latents -> (reconstruction, mean, logvar)."""
        mean, logvar = self.encode(x)
        return self.decode(self.sample(mean, logvar, noise)), mean, logvar

    def moments(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, 2 latent, H/f, W/f): means, then log-variances as yet unlimited."""
        return self.quant_conv(self.encoder(x))

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and limited log-variance of the latents, each (N, latent, H/f, W/f)."""
        return split_moments(self.moments(x))

    def sample(self, mean: Tensor, logvar: Tensor, noise: Tensor) -> Tensor:
        """The latent that standard normal `noise` stands for; all of one shape."""
        return mean + ops.exp(0.5 * logvar) * noise

    def decoder_features(self, z: Tensor) -> Tensor:
        """What `decoder.conv_out` turns into frames: (N, block_channels[0], H, W)."""
        return self.decoder.features(self.post_quant_conv(z))

    def decode(self, z: Tensor) -> Tensor:
        """(N, latent, h, w) -> (N, C, f h, f w)."""
        return self.decoder.conv_out(self.decoder_features(z))


def split_moments(moments: Tensor) -> tuple[Tensor, Tensor]:
    """(N, 2 C, h, w) -> mean and log-variance (N, C, h, w), the latter within `LOGVAR_RANGE`."""
    mean, logvar = ops.chunk(moments, 2, 1)
    return mean, ops.clamp(logvar, *LOGVAR_RANGE)


def kl_to_standard_normal(mean: Tensor, logvar: Tensor) -> Tensor:
    """KL divergence of N(mean, exp(logvar)) from N(0, 1), summed over all but N: (N,)."""
    return 0.5 * _sum_per_sample(mean * mean + ops.exp(logvar) - 1.0 - logvar)


def kl_between(mean: Tensor, logvar: Tensor, other_mean: Tensor, other_logvar: Tensor) -> Tensor:
    """KL divergence of N(mean, exp(logvar)) from another such Gaussian, as above: (N,)."""
    gap = mean - other_mean
    squared = (gap * gap + ops.exp(logvar)) * ops.exp(-other_logvar)
    return 0.5 * _sum_per_sample(squared - 1.0 - logvar + other_logvar)


def gaussian_nll(sample: Tensor, mean: Tensor, logvar: Tensor) -> Tensor:
    """-log N(sample; mean, exp(logvar)), summed over all but N: (N,)."""
    gap = sample - mean
    return 0.5 * _sum_per_sample(math.log(2 * math.pi) + logvar + gap * gap * ops.exp(-logvar))


def _sum_per_sample(x: Tensor) -> Tensor:
    return x.reshape(x.shape[0], -1).sum(1)
