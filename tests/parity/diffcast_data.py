"""Golden file of DiffCast's small things: learning rate, resizing, cropping about the centre."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from mindcast.data.radar.frame_fit import centre_crop, resize
from mindcast.training.schedule import DECAYS, learning_rate
from tests.parity.golden import Comparison, GoldenFile


def misc(golden: GoldenFile) -> Iterator[Comparison]:
    yield from rates(golden)
    for key, antialias in (("resize_bilinear", False), ("resize_bilinear_antialias", True)):
        if f"out/{key}" in golden:
            expected = golden[f"out/{key}"]
            got = resize(golden["in/resize_x"], expected.shape[-2:], antialias)
            yield Comparison(key, got, expected)
    if "out/crop" in golden:
        expected = golden["out/crop"]
        got = centre_crop(golden["in/crop_x"], expected.shape[-2:])
        # stored may be the first sample and frame only
        yield Comparison("crop", got[: expected.shape[0], : expected.shape[1]], expected, 0)


def rates(golden: GoldenFile) -> Iterator[Comparison]:
    """Multipliers of the base rate at the stored steps."""
    config = golden.json()
    total, warmup = config["total"], config["warmup"] / config["total"]
    for decay in DECAYS:
        if f"lr/{decay}" not in golden:
            continue
        got = [
            learning_rate(int(step), total, 1.0, warmup, 0.0, 0.0, decay)
            for step in golden["lr/steps"]
        ]
        yield Comparison(f"lr/{decay}", np.array(got), golden[f"lr/{decay}"])


HANDLERS = {"misc": misc}
