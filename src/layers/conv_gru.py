"""The convolutional gated recurrent unit (Ballas et al. 2016), over a whole sequence at once."""

from __future__ import annotations

from mindspore import Tensor, nn, ops

from src.layers.convolution import Conv2d


class ConvGRU(nn.Cell):
    """Hidden states h_t of a sequence x_t, both of `channels` channels, from h = 0.

        reset, update = sigmoid(conv_gates([x, h]))        in this order
        candidate     = tanh(conv_cans([x, reset * h]))
        h'            = (1 - update) * h + update * candidate

    The state is passed along explicitly and kept nowhere. A convolution of [x, h] is the sum of
    one of x and one of h: the first is done for all frames together, the second frame by frame.
    """

    def __init__(self, channels: int, kernel: int = 3) -> None:
        super().__init__()
        both, pad = 2 * channels, kernel // 2
        self.conv_gates = nn.SequentialCell(Conv2d(both, both, kernel, padding=pad))
        self.conv_cans = nn.SequentialCell(Conv2d(both, channels, kernel, padding=pad))
        # of a part of the input channels: the same kernels, without their bias
        self.part_of_gates = ops.Conv2D(both, kernel, pad_mode="pad", pad=pad)
        self.part_of_candidate = ops.Conv2D(channels, kernel, pad_mode="pad", pad=pad)
        self.add_bias = ops.BiasAdd()

    def construct(self, x: Tensor) -> tuple[Tensor, ...]:
        """(N, T, channels, H, W) -> T states (N, channels, H, W)."""
        samples, frames, c = x.shape[:3]
        flat = x.reshape(-1, *x.shape[2:])
        gates, candidates = self.conv_gates[0], self.conv_cans[0]
        from_x = self.add_bias(self.part_of_gates(flat, gates.weight[:, :c]), gates.bias)
        from_x = from_x.reshape(samples, frames, *from_x.shape[1:])
        new = self.part_of_candidate(flat, candidates.weight[:, :c])
        new = self.add_bias(new, candidates.bias).reshape(x.shape)
        of_state, of_kept = gates.weight[:, c:], candidates.weight[:, c:]
        # h = 0 before the first frame: both convolutions of it are 0, and (1 - update) h is 0
        state = ops.sigmoid(from_x[:, 0, c:]) * ops.tanh(new[:, 0])
        states = (state,)
        for t in range(1, frames):
            gate = ops.sigmoid(from_x[:, t] + self.part_of_gates(state, of_state))
            reset, update = gate[:, :c], gate[:, c:]
            candidate = ops.tanh(new[:, t] + self.part_of_candidate(reset * state, of_kept))
            state = state + update * (candidate - state)
            states = (*states, state)
        return states
