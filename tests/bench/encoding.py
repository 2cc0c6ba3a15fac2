"""Times what the latents of one batch cost, computed and remembered, beside the rest of a step.

`python -m tests.bench.encoding`, at the size of PreDiff's demo.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path

from mindcast.runtime.native import environment

os.environ.update(environment())

import mindspore as ms
import numpy as np

from mindcast.compiled import arguments, compiled
from mindcast.models import load_spec
from mindcast.models.base import Window
from mindcast.samples import Named
from mindcast.settings import load_settings
from mindcast.training.encoder import Encoder

CONFIG = Path(__file__).parents[2] / "configs" / "demo" / "prediff.yaml"
STAGES = ("alignment", "diffusion")
ROUNDS, WARM_UP = 5, 2


def milliseconds(call: Callable[[], object]) -> float:
    """CPU time of one call, the median of some: what a card or the other core does is not in it."""
    spent = []
    for _ in range(WARM_UP + ROUNDS):
        start = time.process_time()
        call()
        spent.append(1e3 * (time.process_time() - start))
    return statistics.median(spent[WARM_UP:])


def batch(window: Window, size: int) -> Named:
    """Frames of noise: each is another one."""
    shape = (size, window.length, *window.frame, 1)
    frames = np.random.default_rng(0).random(shape, np.float32)
    return {"context": frames[:, : window.context], "truth": frames[:, window.context :]}


def measured(name: str) -> tuple[float, ...]:
    """Of a batch of a stage: encoding, remembering, evaluation and gradient of the loss."""
    settings = load_settings(CONFIG)
    spec = load_spec(settings.model.name)
    stage, size = spec.stages[name], settings.training[name].micro_batch_size
    frozen = {s: spec.stages[s].build_network(settings.model) for s in stage.requires}
    for parameter in (p for network in frozen.values() for p in network.get_parameters()):
        parameter.requires_grad = False
    network = stage.build_network(settings.model)
    objective = stage.build_objectives(settings.model, network, frozen)[0]
    cell, frames = objective.phases[0][1], batch(stage.window(settings.model), size)
    assert stage.encode is not None
    anew, once = (
        Encoder(stage.encode(settings.model, frozen), limit, graph=True) for limit in (0, 1 << 30)
    )
    draws = stage.draw(settings.model, np.random.default_rng(0), size)
    inputs = arguments(cell, {**frames, **anew(frames, training=True), **draws})
    weights = ms.ParameterTuple(objective.parameters)
    step = compiled(ms.value_and_grad(cell, None, weights, has_aux=True), True)
    evaluate = compiled(cell, True)
    calls = (
        lambda: anew(frames, training=True),
        lambda: once(frames, training=True),
        lambda: evaluate(*inputs)[0].asnumpy(),
        lambda: step(*inputs)[1][0].asnumpy(),
    )
    return tuple(milliseconds(call) for call in calls)


def main() -> None:
    titles = ("encoded", "remembered", "evaluated", "learned", "validation", "training")
    print(f"{'CPU ms a batch':20s} " + " ".join(f"{title:>10s}" for title in titles))
    for name in STAGES:
        encoded, remembered, evaluated, learned = measured(name)
        gains = [(encoded + rest) / (remembered + rest) for rest in (evaluated, learned)]
        row = [f"{value:10.1f}" for value in (encoded, remembered, evaluated, learned)]
        print(f"{name:20s} " + " ".join([*row, *(f"{gain:10.2f}" for gain in gains)]), flush=True)


if __name__ == "__main__":
    main()
