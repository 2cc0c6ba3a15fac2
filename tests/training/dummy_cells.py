"""The cells of the dummy model; apart, so that its spec can be read without MindSpore."""

from __future__ import annotations

import numpy as np
from mindspore import Parameter, Tensor, nn, ops

from tests.training.dummy import SIZE


class Matrix(nn.Cell):
    """(N, H, W) -> weight @ frame + bias."""

    def __init__(self, prefix: str = "") -> None:
        super().__init__()
        start = np.random.default_rng(1).standard_normal((SIZE, SIZE), np.float32)
        self.weight = Parameter(Tensor(0.1 * start), name=f"{prefix}weight")
        self.bias = Parameter(Tensor(np.zeros(SIZE, np.float32)), name=f"{prefix}bias")

    def construct(self, frame: Tensor) -> Tensor:
        return ops.matmul(self.weight, frame) + self.bias


class Error(nn.Cell):
    """Mean squared error of the truth; the context may pass through a frozen matrix first."""

    diagnostic_names = ("loss", "rmse")
    mean_squares = frozenset({"rmse"})

    def __init__(self, network: nn.Cell, before: nn.Cell | None = None) -> None:
        super().__init__(auto_prefix=False)
        self.network, self.before = network, before

    def construct(
        self, context: Tensor, truth: Tensor, noise: Tensor
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        frame = context[:, 0, :, :, 0] + noise
        if self.before is not None:
            frame = ops.stop_gradient(self.before(frame))
        error = self.network(frame) - truth[:, 0, :, :, 0]
        loss = (error * error).mean()
        return loss, (loss, loss)


class CriticError(nn.Cell):
    """A single number that learns the size of the network's output."""

    diagnostic_names = ("size",)

    def __init__(self, network: nn.Cell) -> None:
        super().__init__(auto_prefix=False)
        self.network = network
        self.scale = Parameter(Tensor(np.ones((1, 1), np.float32)), name="critic_scale")

    def construct(self, context: Tensor, noise: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        made = ops.stop_gradient(self.network(context[:, 0, :, :, 0] + noise))
        error = self.scale - ops.abs(made)
        loss = (error * error).mean()
        return loss, (loss,)
