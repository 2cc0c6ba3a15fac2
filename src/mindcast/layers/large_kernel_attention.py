"""Large-kernel attention with a squeeze-and-excitation gate.

Guo et al. 2023 build a 21 x 21 kernel of a small, a dilated and a point-wise convolution; Tan et
al. 2023 (TAU) multiply it by a gate of each channel's mean (Hu et al. 2018).
"""

from __future__ import annotations

from mindspore import Tensor, nn, ops

from mindcast.layers.activation import Gelu
from mindcast.layers.broadcast import multiply
from mindcast.layers.convolution import Conv2d
from mindcast.layers.dense import Dense

KERNEL, DILATION = 21, 3
LEAST_REDUCTION = 4


class LargeKernelAttention(nn.Cell):
    """x + proj_2(gate(gelu(proj_1(x)))) on images of `channels` channels."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.proj_1 = Conv2d(channels, channels, 1)
        self.activation = Gelu()
        self.spatial_gating_unit = SpatialGate(channels)
        self.proj_2 = Conv2d(channels, channels, 1)

    def construct(self, x: Tensor) -> Tensor:
        """(N, channels, H, W) -> the same shape."""
        return x + self.proj_2(self.spatial_gating_unit(self.activation(self.proj_1(x))))


class SpatialGate(nn.Cell):
    """s * a * u: `a` spans 21 x 21 pixels around each, `s` in (0, 1) the mean of every channel."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        near = 2 * DILATION - 1
        far = KERNEL // DILATION
        far -= 1 - far % 2  # odd, so that it has a middle
        hidden = channels // max(channels // 16, LEAST_REDUCTION)
        self.conv0 = depthwise(channels, near)
        self.conv_spatial = depthwise(channels, far, DILATION)
        self.conv1 = Conv2d(channels, channels, 1)
        self.fc = nn.SequentialCell(
            Dense(channels, hidden, bias=False), nn.ReLU(), Dense(hidden, channels, bias=False)
        )

    def construct(self, u: Tensor) -> Tensor:
        """(N, channels, H, W) -> the same shape."""
        n, c = u.shape[:2]
        a = self.conv1(self.conv_spatial(self.conv0(u)))
        s = ops.sigmoid(self.fc(u.reshape(n, c, -1).mean(axis=2)))
        return multiply(a * u, s.reshape(n, c, 1, 1))


def depthwise(channels: int, kernel: int, dilation: int = 1) -> Conv2d:
    """A convolution of every channel by itself that keeps H and W."""
    padding = dilation * (kernel // 2)
    return Conv2d(channels, channels, kernel, padding=padding, groups=channels, dilation=dilation)
