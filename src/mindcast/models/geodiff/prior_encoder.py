"""Physics priors on their way into the U-Net, through zero convolutions (Zhang et al. 2023).

The encoder is a small copy of the U-Net's descending path without step and attention. Each of its
stages, and once more the deepest, passes a 1x1x1 convolution that starts at zero; the U-Net adds
the results to its own features. So the untrained network answers as if there were no priors, yet
the zero convolutions have a gradient from the first step on.
"""

from __future__ import annotations

from mindspore import Tensor, nn

from mindcast.layers import initialise
from mindcast.models.geodiff.blocks import Downsample, FrameConv, ResnetBlock
from mindcast.models.geodiff.settings import UNetSettings


class PriorEncoder(nn.Cell):
    """(N, Z, in, H, W) -> what `UNet3d` takes as `features`: one a stage and one more."""

    def __init__(self, settings: UNetSettings, in_channels: int) -> None:
        super().__init__()
        widths, mode = settings.widths, settings.padding_mode
        kernel = settings.first_kernel
        self.init_conv = FrameConv(
            in_channels, settings.dim, kernel, padding=kernel // 2, mode=mode
        )
        self.blocks = nn.CellList(
            [
                ResnetBlock(before, width, None, mode)
                for before, width in zip((settings.dim, *widths[:-1]), widths, strict=True)
            ]
        )
        self.downsamples = nn.CellList([Downsample(width, mode) for width in widths[:-1]])
        self.zero_convs = nn.CellList(
            [initialise.start_zero(FrameConv(w, w, 1)) for w in (*widths, widths[-1])]
        )

    def construct(self, priors: Tensor) -> tuple[Tensor, ...]:
        """(N, Z, in, H, W) -> stages + 1 features (N Z, C_i, H_i, W_i)."""
        n, z, c, height, width = priors.shape
        h = self.init_conv(priors.reshape(n * z, c, height, width))
        features = ()
        for i in range(len(self.blocks)):
            if i > 0:
                h = self.downsamples[i - 1](h)
            h = self.blocks[i](h)
            features = (*features, self.zero_convs[i](h))
        return (*features, self.zero_convs[len(self.blocks)](h))
