"""Times pairs (ours, stock operator) in one run and prints medians in ms and their ratio.

`python -m tests.bench.pairs`. Forward and backward, compiled, at the sizes of the released PreDiff
and of the GeoDiff demo. The two of a pair are interleaved; only their ratio means something.
"""

from __future__ import annotations

import os
import statistics
import time

from mindcast.runtime.native import environment

os.environ.update(environment())

import mindspore as ms
import numpy as np
from mindspore import Tensor, nn, ops

from mindcast.layers.activation import make_activation
from mindcast.layers.dense import Dense
from mindcast.layers.edge_padding import with_edges
from mindcast.layers.norm import GroupNorm, LayerNorm
from mindcast.layers.resample import nearest_resize
from mindcast.layers.softmax import Softmax

ROUNDS, WARM_UP = 15, 5
TOKENS = (3328, 256)  # one sequence of 13 latent frames of 16 x 16, level 0


class Resize(nn.Cell):
    def construct(self, x):
        return nearest_resize(x, 2 * x.shape[2], 2 * x.shape[3])


class StockResize(nn.Cell):
    def construct(self, x):
        return ops.interpolate(x, size=(2 * x.shape[2], 2 * x.shape[3]), mode="nearest")


class Edges(nn.Cell):
    def construct(self, x):
        return with_edges(x, 1)


PAIRS = {
    "layer norm": (LayerNorm(256), nn.LayerNorm((256,)), TOKENS),
    "group norm": (GroupNorm(32, 128), nn.GroupNorm(32, 128), (6, 128, 64, 64)),
    "gelu": (make_activation("gelu"), nn.GELU(approximate=False), (3328, 1024)),
    "dense 256-1024": (Dense(256, 1024), nn.Dense(256, 1024), TOKENS),
    "nearest x2": (Resize(), StockResize(), (6, 256, 32, 32)),
    "softmax of 256": (Softmax(), nn.Softmax(), (64, 256, 256)),
    "replicated edges": (Edges(), nn.ReplicationPad2d(1), (32, 16, 32, 32)),
}


def stepper(cell: nn.Cell, shape: tuple[int, ...]):
    """A function that runs forward and backward of `cell` once and waits for the result."""

    def loss(x):
        y = cell(x)
        return (y * y).reshape(y.shape[0], -1).sum(axis=1).sum()

    weights = ms.ParameterTuple(cell.trainable_params()) if cell.trainable_params() else None
    differentiate = ms.value_and_grad(loss, 0, weights)

    @ms.jit
    def step(x):
        return differentiate(x)

    x = Tensor(np.random.default_rng(0).standard_normal(shape, dtype=np.float32))
    return lambda: step(x)[0].asnumpy()


def seconds(call) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def main() -> None:
    ms.runtime.launch_blocking()
    print(f"{'forward + backward':20s} {'ours ms':>9s} {'stock ms':>9s} {'stock/ours':>11s}")
    for name, (ours, stock, shape) in PAIRS.items():
        calls = (stepper(ours, shape), stepper(stock, shape))
        rounds = [[seconds(call) for call in calls] for _ in range(WARM_UP + ROUNDS)][WARM_UP:]
        mine, theirs = (statistics.median(times) * 1e3 for times in zip(*rounds, strict=True))
        print(f"{name:20s} {mine:9.1f} {theirs:9.1f} {theirs / mine:11.2f}", flush=True)


if __name__ == "__main__":
    main()
