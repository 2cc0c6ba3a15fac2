"""The convolutional gated recurrent unit (Ballas et al. 2016), over a whole sequence at once."""

from __future__ import annotations

from mindspore import Tensor, nn, ops

from mindcast.layers.convolution import Conv2d
from mindcast.layers.fused_convolution import fused_convolution


class ConvGRULayer(nn.Cell):
    """Hidden states h_t of a sequence x_t, both of `channels` channels, from h = 0.

        reset, update = sigmoid(conv_gates([x, h]))        in this order
        candidate     = tanh(conv_cans([x, reset * h]))
        h'            = (1 - update) * h + update * candidate

    The state is passed along explicitly and kept nowhere. A convolution of [x, h] is the sum of
    one of x and one of h: the first is done for all frames together, the second frame by frame.
    """

    def __init__(self, channels: int, kernel: int = 3) -> None:
        super().__init__()
        self.channels = channels
        both, pad = 2 * channels, kernel // 2
        self.conv_gates = nn.SequentialCell(Conv2d(both, both, kernel, padding=pad))
        self.conv_cans = nn.SequentialCell(Conv2d(both, channels, kernel, padding=pad))
        self.to_gates = _convolution(both, kernel)
        self.to_candidate = _convolution(channels, kernel)

    def construct(self, x: Tensor) -> tuple[Tensor, ...]:
        """(N, T, channels, H, W) -> T states (N, channels, H, W)."""
        c, frames = self.channels, x.shape[1]
        gates, candidates = self.conv_gates[0], self.conv_cans[0]
        of_x = self._of_frames(self.to_gates, gates, x)
        new_of_x = self._of_frames(self.to_candidate, candidates, x)
        of_state, new_of_state = gates.weight[:, c:], candidates.weight[:, c:]
        # h = 0 before the first frame: both convolutions of it are 0, and (1 - update) h is 0
        state = ops.sigmoid(of_x[:, 0, c:]) * ops.tanh(new_of_x[:, 0])
        states = (state,)
        for t in range(1, frames):
            gate = ops.sigmoid(of_x[:, t] + self.to_gates(state, of_state))
            reset, update = gate[:, :c], gate[:, c:]
            new = self.to_candidate(reset * state, new_of_state)
            state = state + update * (ops.tanh(new_of_x[:, t] + new) - state)
            states = (*states, state)
        return states

    def _of_frames(self, convolve: nn.Cell, layer: Conv2d, x: Tensor) -> Tensor:
        """What `layer` makes of the frames, with its bias: (N, T, out channels, H, W)."""
        flat = x.reshape(-1, *x.shape[2:])
        y = convolve(flat, layer.weight[:, : self.channels], layer.bias)
        return y.reshape(*x.shape[:2], *y.shape[1:])


def _convolution(out_channels: int, kernel: int) -> nn.Cell:
    """Of images, a weight and perhaps a bias, with zeros around that keep H and W."""
    pad = kernel // 2
    return fused_convolution((0, pad, pad)) or _Convolution(out_channels, kernel)


class _Convolution(nn.Cell):
    def __init__(self, out_channels: int, kernel: int) -> None:
        super().__init__()
        self.convolve = ops.Conv2D(out_channels, kernel, pad_mode="pad", pad=kernel // 2)
        self.bias_add = ops.BiasAdd()

    def construct(self, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        y = self.convolve(x, weight)
        return y if bias is None else self.bias_add(y, bias)
