"""The two recurrent cells of PhyDNet; states are arguments and results, never attributes."""

from __future__ import annotations

from collections.abc import Sequence

from mindspore import Tensor, nn, ops

from mindcast.layers.convolution import Conv2d
from mindcast.layers.norm import GroupNorm

LayerState = tuple[Tensor, Tensor]


class Derivatives(nn.Cell):
    """A learned combination of spatial derivatives: the right-hand side F(h) of the dynamics.

    The kernel^2 filters of `conv1` are drawn towards one derivative each by the moment loss.
    """

    def __init__(self, channels: int, kernel: int) -> None:
        super().__init__()
        filters = kernel * kernel
        self.conv1 = Conv2d(channels, filters, kernel, padding=kernel // 2)
        self.bn1 = GroupNorm(kernel, filters)
        self.conv2 = Conv2d(filters, channels, 1)

    def construct(self, h: Tensor) -> Tensor:
        """(N, C, H, W) -> the same shape."""
        return self.conv2(self.bn1(self.conv1(h)))


class PhyCell(nn.Cell):
    """One step of the dynamics, then a correction towards the observation (a Kalman filter).

    p = h + F(h);  K = sigmoid(conv[x, h]);  h' = p + K (x - p)  (Le Guen & Thome 2020, eqs. 4-7)
    """

    def __init__(self, channels: int, kernel: int) -> None:
        super().__init__()
        self.F = Derivatives(channels, kernel)
        self.convgate = Conv2d(2 * channels, channels, 3, padding=1)

    def construct(self, x: Tensor, h: Tensor) -> Tensor:
        """Input and state (N, C, H, W) -> the next state."""
        predicted = h + self.F(h)
        gain = ops.sigmoid(self.convgate(ops.cat((x, h), 1)))
        return predicted + gain * (x - predicted)


class ConvLSTMCell(nn.Cell):
    """One convolution gives the gates i, f, o and the candidate g, in this order."""

    def __init__(self, in_channels: int, hidden: int, kernel: int) -> None:
        super().__init__()
        self.conv = Conv2d(in_channels + hidden, 4 * hidden, kernel, padding=kernel // 2)
        self.hidden = hidden

    def construct(self, x: Tensor, h: Tensor, c: Tensor) -> LayerState:
        """Input (N, in, H, W), state and memory (N, hidden, H, W) -> the next two."""
        mixed = self.conv(ops.cat((x, h), 1))
        gates = ops.split(ops.sigmoid(mixed[:, : 3 * self.hidden]), self.hidden, 1)
        c = gates[1] * c + gates[0] * ops.tanh(mixed[:, 3 * self.hidden :])
        return gates[2] * ops.tanh(c), c


class PhyCells(nn.Cell):
    """The list of physical cells, of which there is one."""

    def __init__(self, channels: int, kernel: int) -> None:
        super().__init__()
        self.cell_list = nn.CellList([PhyCell(channels, kernel)])

    def construct(self, x: Tensor, h: Tensor) -> Tensor:
        """As `PhyCell`."""
        return self.cell_list[0](x, h)


class ConvLSTM(nn.Cell):
    """Layers of `ConvLSTMCell`; each reads the new state of the one below."""

    def __init__(self, in_channels: int, hidden: Sequence[int], kernel: int) -> None:
        super().__init__()
        inputs = (in_channels, *hidden[:-1])
        self.cell_list = nn.CellList(
            [ConvLSTMCell(i, h, kernel) for i, h in zip(inputs, hidden, strict=True)]
        )
        self.hidden = tuple(hidden)

    def construct(self, x: Tensor, states: tuple[LayerState, ...]) -> tuple[LayerState, ...]:
        """Input (N, in, H, W) and a (state, memory) a layer -> the next ones."""
        following = ()
        for i in range(len(self.hidden)):
            x, c = self.cell_list[i](x, states[i][0], states[i][1])
            following = (*following, (x, c))
        return following
