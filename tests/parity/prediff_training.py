"""Golden files of the training arithmetic: learning rate, clipping, optimiser, weight average."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from mindspore import Parameter, Tensor, ops

from mindcast.training.ema import WeightAverage, effective_decay
from mindcast.training.optimiser import AdamW, clipping
from mindcast.training.schedule import learning_rate
from tests.parity.golden import Comparison, GoldenFile


def scalar(value: float) -> Tensor:
    return Tensor(np.float32(value))


def parameters(arrays: dict[str, np.ndarray]) -> list[Parameter]:
    return [Parameter(Tensor(array), name=name) for name, array in arrays.items()]


def steps(golden: GoldenFile) -> range:
    return range(1, 1 + max(int(key.split("/")[1]) for key in golden if key.startswith("p/")))


def lr_schedule(golden: GoldenFile) -> Iterator[Comparison]:
    config = golden.json()
    rates = [
        learning_rate(
            step,
            config["total_steps"],
            config["lr"],
            config["warmup_percentage"],
            config["warmup_min_lr_ratio"],
            config["min_lr_ratio"],
        )
        for step in range(len(golden["lr"]))
    ]
    yield Comparison("lr", rates, golden["lr"], tolerance=1e-6)


def adamw_clip(golden: GoldenFile) -> Iterator[Comparison]:
    config = golden.json()
    weights = parameters(golden.under("p/0/"))
    optimiser = AdamW(
        weights,
        tuple(config["betas"]),
        config["weight_decay"],
        decays=lambda parameter: True,
        eps=config["eps"],
    )
    for k in steps(golden):
        gradients = tuple(Tensor(golden[f"g/{k}/{weight.name}"]) for weight in weights)
        factor, norm = clipping(gradients, config["clip_norm"], scalar(1))
        powers = [scalar(beta**k) for beta in config["betas"]]
        optimiser(gradients, scalar(config["lr"]), *powers, factor)
        yield Comparison(f"norm/{k}", norm, golden[f"norm/{k}"])
        for weight in weights:
            name = f"p/{k}/{weight.name}"
            yield Comparison(name, weight.asnumpy().copy(), golden[name])


def ema(golden: GoldenFile) -> Iterator[Comparison]:
    config = golden.json()
    weights = parameters(golden.under("p/0/"))
    average = WeightAverage(weights)
    for k in steps(golden):
        for weight in weights:
            ops.assign(weight, Tensor(golden[f"p/{k}/{weight.name}"]))
        decay = (
            effective_decay(config["decay"], k) if config["use_num_updates"] else config["decay"]
        )
        average(scalar(decay))
        for weight, shadow in zip(weights, average.shadows, strict=True):
            name = f"ema/{k}/{weight.name}"
            yield Comparison(name, shadow.asnumpy().copy(), golden[name])


HANDLERS = {"lr_schedule_": lr_schedule, "adamw_clip": adamw_clip, "ema": ema}
