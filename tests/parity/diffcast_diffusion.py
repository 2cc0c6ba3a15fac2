"""Golden files of DiffCast's residual diffusion: schedules, loss, single steps, whole sampling."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from mindspore import Tensor

from mindcast.diffusion.noising import ForwardNoising
from mindcast.diffusion.prediction import ToX0, TrainingTarget, snr_weights
from mindcast.diffusion.process import DiffusionProcess
from mindcast.diffusion.samplers import make_plan
from mindcast.diffusion.schedules import beta_schedule
from mindcast.models.released import SCHEDULE
from tests.parity.golden import Comparison, GoldenFile

SCHEDULES = {"sigmoid": "sigmoid", "cosine": "cosine", "linear": "linear_rescaled"}  # theirs, ours
KINDS = {"pred_v": "v", "pred_noise": "epsilon", "pred_x0": "x0"}
MIN_SNR = 5.0


def elementwise(name: str, got: np.ndarray, expected: np.ndarray) -> Comparison:
    """1e-5 of every element, or 1e-8: the largest ratio to what is allowed, against 1."""
    allowed = 1e-5 * np.abs(expected).astype(np.float64) + 1e-8
    excess = np.abs(got.astype(np.float64) - expected) / allowed
    return Comparison(name, 1.0 + excess.max(), 1.0, tolerance=1.0)


def process_of(schedule: str, timesteps: int) -> DiffusionProcess:
    return DiffusionProcess(beta_schedule(SCHEDULES[schedule], timesteps))


def buffers(golden: GoldenFile) -> Iterator[Comparison]:
    timesteps = golden.json()["timesteps"]
    for schedule in SCHEDULES:
        process = process_of(schedule, timesteps)
        for theirs, ours in SCHEDULE.items():
            name = f"{schedule}/{theirs}"
            yield elementwise(name, getattr(process, ours), golden[name])
        expected = golden[f"{schedule}/loss_weight"]
        yield elementwise(f"{schedule}/loss_weight", snr_weights(process, "v"), expected)
        for kind, ours in KINDS.items():
            for suffix, limit in (("minsnr0", None), ("minsnr1", MIN_SNR)):
                name = f"{schedule}/loss_weight/{kind}/{suffix}"
                yield elementwise(name, snr_weights(process, ours, limit), golden[name])
    yield from time_lists(golden)
    yield from conversions(golden)


def time_lists(golden: GoldenFile) -> Iterator[Comparison]:
    process = process_of("sigmoid", golden.json()["timesteps"])
    for steps, expected in golden.under("ddim_times/").items():
        plan = make_plan("ddim", process, int(steps))
        times = [*(step.t for step in plan), -1]
        yield Comparison(f"ddim_times/{steps}", times, expected, tolerance=0)


def conversions(golden: GoldenFile) -> Iterator[Comparison]:
    process = process_of("sigmoid", golden.json()["timesteps"])
    x0, noise = Tensor(golden["in/x0"]), Tensor(golden["in/noise"])
    t = Tensor(golden["in/t"].astype(np.int32))
    x_t = ForwardNoising(process)(x0, t, noise)
    yield Comparison("x_t", x_t, golden["out/x_t"])
    yield Comparison("v", TrainingTarget(process, "v")(x0, t, noise), golden["out/v"])
    x_t = Tensor(golden["out/x_t"])
    yield Comparison("x0_from_v", ToX0(process, "v")(noise, x_t, t), golden["out/x0_from_v"])
    from_noise = ToX0(process, "epsilon")(noise, x_t, t)
    yield Comparison("x0_from_noise", from_noise, golden["out/x0_from_noise"])
    t, shape = golden["in/t"], (-1,) + (1,) * (golden["in/x0"].ndim - 1)
    excess = process.sqrt_recip_alpha_bar[t].reshape(shape) * golden["out/x_t"] - golden["in/x0"]
    noise = excess / process.sqrt_recip_alpha_bar_minus_one[t].reshape(shape)
    yield Comparison("noise_from_x0", noise, golden["out/noise_from_x0"])


HANDLERS = {"diffusion_buffers": buffers}
