"""The context network: input frames and deterministic forecast as conditioning of the denoiser.

"GlobalNet" in Yu et al. 2024.
"""

from __future__ import annotations

from mindspore import Tensor, nn, ops

from mindcast.layers.conv_gru import ConvGRULayer
from mindcast.layers.convolution import Conv2d
from mindcast.models.diffcast.blocks import ResnetBlock, downsample, level_pairs

Features = tuple[Tensor, ...]


class ContextNet(nn.Cell):
    """Scans a sequence with recurrent units at several resolutions.

    dim: channels of the finest level. multiples: of `dim`, after each level. channels: of a frame.
    Every level goes over all frames at once but for its recurrent unit, which is the same as
    sending frame after frame through all levels.
    """

    def __init__(self, dim: int, multiples: tuple[int, ...], channels: int = 1) -> None:
        super().__init__()
        pairs = level_pairs(dim, multiples)
        self.init_conv = Conv2d(channels, dim, 7, padding=3)
        levels = []
        for number, (width, wider) in enumerate(pairs):
            last = number == len(pairs) - 1
            further = nn.Identity() if last else downsample(width, wider)
            levels.append(nn.CellList([ResnetBlock(width, width), ConvGRULayer(width), further]))
        self.downs = nn.CellList(levels)

    def construct(self, frames: Tensor, local_index: int) -> tuple[Features, Features]:
        """frames (N, T, C, H, W) in [-1, 1] -> (local, global) features, finest first.

        Feature i is the state of level i, (N, widths[i], H / 2^i, W / 2^i), after frame number
        `local_index` (from 0; below T) and after the last frame.
        """
        samples, count = frames.shape[:2]
        x = self.init_conv(frames.reshape(-1, *frames.shape[2:]))
        local, whole = (), ()
        last = len(self.downs) - 1
        for number in range(last + 1):
            block, unit, further = self.downs[number]
            x = block(x)
            states = unit(x.reshape(samples, count, *x.shape[1:]))
            local, whole = (*local, states[local_index]), (*whole, states[-1])
            if number < last:
                x = further(_frames_of(states))
        return local, whole


def _frames_of(states: Features) -> Tensor:
    """T arrays (N, C, H, W) -> (N T, C, H, W), frames varying fastest."""
    stacked = ops.stack(states, 1)
    return stacked.reshape(-1, *stacked.shape[2:])
