"""What a process of its own does in `test_processes`: one training step and one forward pass.

Arguments: the folder of graphs; whether the forward pass comes first. Prints the numbers, exactly,
and how many graphs there were and how many of them were kept ones.
"""

import sys

import mindspore as ms
import numpy as np
from mindspore import nn

from mindcast.compiled import COMPILING, compiled
from mindcast.config.schema import Runtime
from mindcast.layers.norm import LayerNorm
from mindcast.runtime.device import start


class Network(nn.Cell):
    def __init__(self):
        super().__init__()
        self.norm, self.dense = LayerNorm(4), nn.Dense(4, 4)

    def construct(self, x):
        return self.dense(self.norm(x))


def main(folder, forward_first):
    start("CPU", 0, Runtime(compile_cache=folder, seed=1))
    network = Network()
    optimiser = nn.Adam(network.trainable_params(), 1e-2)

    def loss(x):
        return (network(x) ** 2).sum()

    gradient = ms.value_and_grad(loss, None, optimiser.parameters)

    def step(x):
        value, gradients = gradient(x)
        optimiser(gradients)
        return value

    x = np.linspace(-1, 2, 12).reshape(3, 4).astype(np.float32)
    forward, step = compiled(network, True), compiled(step, True)
    if forward_first:
        forward(x)
    losses = [step(x).asnumpy().item().hex() for _ in range(3)]
    print("numbers", *losses, forward(x).asnumpy().tobytes().hex())
    print("graphs", COMPILING.graphs, COMPILING.kept)


main(sys.argv[1], sys.argv[2] == "forward-first")
