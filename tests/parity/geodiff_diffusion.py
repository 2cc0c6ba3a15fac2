"""Golden files of the diffusion: buffers, single steps, whole sampling runs, and the losses."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import numpy as np
from mindspore import Tensor, nn

from mindcast.diffusion.noising import ForwardNoising
from mindcast.diffusion.prediction import ToX0, target_coefficients, x0_coefficients
from mindcast.diffusion.process import DiffusionProcess
from mindcast.diffusion.samplers.base import endpoint_times
from mindcast.diffusion.samplers.ddim import step_between
from mindcast.diffusion.samplers.ddpm import plan
from mindcast.diffusion.schedules import beta_schedule
from mindcast.models.geodiff.losses import LossTerms, adjacent_correlation, over_batch
from mindcast.models.geodiff.public_diffusion import PublicLoss, public_step, sample_images
from mindcast.models.geodiff.settings import LARGEST_BETA, LossSettings
from mindcast.models.geodiff.upsampling import SHIFT_K
from mindcast.models.released import SCHEDULE
from tests.parity.cells import differentiate
from tests.parity.geodiff_network import VolumeNetwork, network_of, tensor
from tests.parity.golden import Comparison, GoldenFile

BUFFER, LOSS, STEP, TRAJECTORY, GRADIENT = 1e-5, 1e-5, 5e-5, 1e-3, 2e-4
TERM, TERM_GRADIENT, FLOAT64 = 2e-5, 1e-4, 1e-9


def process_of(steps: int) -> DiffusionProcess:
    return DiffusionProcess(beta_schedule("cosine", steps, largest=LARGEST_BETA))


def times(t: Sequence[int]) -> Tensor:
    return Tensor(np.asarray(t, np.int32))


def network_beside(golden: GoldenFile) -> VolumeNetwork:
    """The network whose file the config names."""
    name = re.search(r"\S+\.npz", golden.json()["net"]).group()
    return network_of(golden.beside(name))


def buffers(golden: GoldenFile) -> Iterator[Comparison]:
    for name, expected in golden.items():
        if name == "config":
            continue
        steps, _, theirs = name.partition("/")
        got = getattr(process_of(int(steps[1:])), SCHEDULE[theirs])
        # entry by entry; the clipped first logarithm and two zeros have the floor 1e-8
        error = np.abs(got - expected) / np.maximum(np.abs(expected), 1e-3)
        yield Comparison(name, error.max(), 0.0, BUFFER, floor=BUFFER)


def operations(golden: GoldenFile) -> Iterator[Comparison]:
    config = golden.json()
    process, cell = process_of(config.get("T", 1000)), network_beside(golden)
    x0, noise = tensor(golden["x0"]), tensor(golden["noise"])
    add_noise, to_x0 = ForwardNoising(process), ToX0(process, "epsilon")
    noisy = [add_noise(x0, times(t), noise).asnumpy() for t in config["t_list"]]
    yield Comparison("q_sample", np.stack(noisy), golden["q_sample"], STEP)
    yield from moments(golden, process, to_x0)
    for loss in ("l1", "l2"):
        yield from public_losses(golden, cell, process, loss)


def moments(golden: GoldenFile, process: DiffusionProcess, to_x0: ToX0) -> Iterator[Comparison]:
    """Taken at one of the time vectors, of x_t = q_sample there; the file does not say which."""
    variances = [1 - process.alpha_bar[np.asarray(t)] for t in golden.json()["t_list"]]
    distances = [np.abs(v - golden["q_var"].reshape(-1)).max() for v in variances]
    which = int(np.argmin(distances))
    t = np.asarray(golden.json()["t_list"][which])
    x0, x = golden["x0"].astype(np.float64), golden["q_sample"][which].astype(np.float64)

    def column(values: np.ndarray) -> np.ndarray:
        return values.reshape(-1, 1, 1, 1, 1)

    posterior = process.posterior(t)
    got = {
        "q_mean": column(process.sqrt_alpha_bar[t]) * x0,
        "q_var": column(1 - process.alpha_bar[t]),
        "q_logvar": column(process.log_one_minus_alpha_bar[t]),
        "post_mean": column(posterior.x0_coefficient) * x0 + column(posterior.x_coefficient) * x,
        "post_var": column(posterior.variance),
        "post_logvar": column(posterior.log_variance),
        "predict_start": to_x0(tensor(golden["noise"]), tensor(x), times(t)).asnumpy(),
    }
    for name, array in got.items():
        yield Comparison(name, array, golden[name], STEP)


class Centred(nn.Cell):
    def __init__(self, loss: PublicLoss) -> None:
        super().__init__(auto_prefix=False)
        self.loss = loss

    def construct(self, x0, t, noise):
        return self.loss.of_centred(x0, t, noise)


def public_losses(
    golden: GoldenFile, cell: VolumeNetwork, process: DiffusionProcess, loss: str
) -> Iterator[Comparison]:
    t = np.asarray(golden.json()["p_losses_t"])
    inputs = [golden["x0"], t, golden["noise"]]
    (value,), _, gw = differentiate(
        Centred(PublicLoss(cell, process, loss)), inputs, [np.float32(1)]
    )
    prefix = f"p_losses/{loss}/"
    yield Comparison(prefix + "loss", value, golden[prefix + "loss"], LOSS)
    for name, expected in golden.under(prefix + "grad/").items():
        yield Comparison(f"{prefix}grad/{name}", gw[name], expected, GRADIENT)


STEP_NAME = re.compile(r"step/t(\d+)/(clip|noclip|dyn)/y")


def single_steps(golden: GoldenFile) -> Iterator[Comparison]:
    config = golden.json()
    process, cell = process_of(config["T"]), network_beside(golden)
    steps = {step.t: step for step in plan(process, np.arange(config["T"]))}
    kinds = {
        "clip": public_step(cell, process),
        "noclip": public_step(cell, process, clip=False),
        "dyn": public_step(cell, process, quantile=config["dynamic_thres_percentile"]),
    }
    x, samples = tensor(golden["x"]), len(golden["x"])
    for name, expected in golden.items():
        if match := STEP_NAME.fullmatch(name):
            t, kind = int(match[1]), match[2]
            coefficients, noise = steps[t].coefficients, tensor(golden[f"step/t{t}/noise"])
            y, _ = kinds[kind](x, times([t] * samples), Tensor(coefficients), noise)
            yield Comparison(name, y.asnumpy(), expected, STEP)
        elif name.startswith("eps_t"):
            t = int(name.removeprefix("eps_t"))
            yield Comparison(name, cell(x, times([t] * samples)).asnumpy(), expected, STEP)


class Recorded:
    """Noise from a file."""

    def __init__(self, arrays: Sequence[np.ndarray]) -> None:
        self.arrays = iter(arrays)

    def draw(self) -> np.ndarray:
        return np.ascontiguousarray(next(self.arrays), np.float32)


def trajectory(golden: GoldenFile) -> Iterator[Comparison]:
    process, cell = process_of(golden.json()["timesteps"]), network_beside(golden)
    states = []
    noise = Recorded([golden["states"][0], *golden["noises"]])
    final = sample_images(cell, process, noise, record=lambda _, x: states.append(x))
    expected = golden["states"][1:]
    for k, (got, state) in enumerate(zip(states, expected, strict=True), start=1):
        yield Comparison(f"states[{k}]", got, state, TRAJECTORY)
    yield Comparison("final", final, golden["final"], TRAJECTORY)


DDIM_NAME = re.compile(r"step/t(\d+)_s(-?\d+)_eta([\d.]+)")


def ddim(golden: GoldenFile) -> Iterator[Comparison]:
    """In float64 throughout, from the coefficients that the cells use in float32."""
    process = DiffusionProcess(golden["betas"])
    yield Comparison("alpha_bar", process.alpha_bar, golden["alpha_bar"], FLOAT64)
    x, epsilon, noise = golden["x_t"], golden["eps"], golden["z"]
    for name, expected in golden.items():
        if match := DDIM_NAME.fullmatch(name):
            t, s, eta = int(match[1]), int(match[2]), float(match[3])
            alpha_bar_s = process.alpha_bar[s] if s >= 0 else 1.0
            step = step_between(t, process.alpha_bar[t], alpha_bar_s, eta)
            of_x, of_output = (pair[t] for pair in x0_coefficients(process, "epsilon"))
            x0 = of_x * x + of_output * epsilon
            y = step.x0_coefficient * x0 + step.x_coefficient * x + step.sigma * noise
            yield Comparison(name, y, expected, FLOAT64)
        elif name.startswith("v_t"):
            of_x0, of_noise = (
                pair[int(name.removeprefix("v_t"))] for pair in target_coefficients(process, "v")
            )
            yield Comparison(name, of_x0 * x + of_noise * epsilon, expected, FLOAT64)
        elif name.startswith("steps_"):
            got = endpoint_times(process, int(name.removeprefix("steps_")))
            order = got if expected[0] < expected[-1] else got[::-1]
            yield Comparison(name, order, expected, tolerance=0)


NAMES = ("charbonnier", "static", "grad", "thickness", "corr")
OF_ERROR = ("charbonnier", "grad", "thickness")  # the others need both fields


class OneTerm(nn.Cell):
    """One value of the losses as a function of the error and of the prediction.

    Terms of the error alone get it as the fields' difference in float64: in float32 the rounding of
    250 K is not small beside delta.
    """

    def __init__(self, name: str, terms: LossTerms, fixed: dict[str, Tensor], beta: float) -> None:
        super().__init__(auto_prefix=False)
        self.name, self.terms, self.fixed, self.beta = name, terms, fixed, beta

    def construct(self, error, predicted):
        truth, std = self.fixed["truth"], self.fixed["std"]
        ones, area = self.fixed["ones"], self.fixed["area"]
        if self.name == "static_no_truth":
            pairs = ones[:, 1:]
            return over_batch(self.terms.static(predicted, pairs * 0.0, pairs, area))
        of_error = self.terms(error, truth * 0.0, std, ones, area)
        of_fields = self.terms(predicted, truth, std, ones, area)
        values = [
            over_batch(one if name in OF_ERROR else other)
            for name, one, other in zip(NAMES, of_error, of_fields, strict=True)
        ]
        if self.name == "total":
            return values[0] + self.beta * self.terms.physics_total(values[1:])
        return values[NAMES.index(self.name)]


def losses(golden: GoldenFile) -> Iterator[Comparison]:
    config = golden.json()
    weights = config["weights"]
    settings = LossSettings(
        delta=config["delta"],
        physics=config["beta"],
        static=weights["static"],
        gradient=weights["grad"],
        thickness=weights["thickness"],
        correlation=weights["corr"],
        vertical=config["w_vert"],
    )
    terms = LossTerms(tuple(golden["p"] / 100), settings)
    truth, predicted = golden["T_true"], golden["T_pred"]
    fixed = {
        "truth": tensor(truth - SHIFT_K),
        "std": tensor(golden["s_T"]),
        "ones": tensor(np.ones(truth.shape)),
        "area": tensor(np.ones((1, 1, 1, 1))),
    }
    stability = terms.stability(fixed["truth"]).asnumpy()
    yield Comparison("N_true", stability, golden["N_true"], TERM)
    for name, field in (("rho_true", truth), ("rho_pred", predicted)):
        got = adjacent_correlation(tensor(field - SHIFT_K)).asnumpy()
        yield Comparison(name, got, golden[name], TERM)
    for key, expected in golden.under("value/").items():
        cell = OneTerm(key, terms, fixed, settings.physics)
        inputs = [predicted - truth, predicted - SHIFT_K]
        (value,), (of_error, of_field), _ = differentiate(cell, inputs, [np.float32(1)])
        yield Comparison(f"value/{key}", value, expected, TERM)
        name = "grad_total" if key == "total" else f"grad/{key}"
        away = away_from_kinks(golden, key)
        yield Comparison(name, (of_error + of_field) * away, golden[name] * away, TERM_GRADIENT)


def away_from_kinks(golden: GoldenFile, name: str) -> np.ndarray:
    """1 where no |.| or hinge that the element enters is within float32 rounding of its kink."""
    predicted, truth = golden["T_pred"], golden["T_true"]
    away = np.ones(predicted.shape)
    if name in ("grad", "total"):
        scaled = (predicted - truth) / golden["s_T"][:, None, None]
        for axis in (1, 2, 3):
            near = np.abs(np.diff(scaled, axis=axis)) < FLOAT32_KINK
            mark_both(away, near, axis)
    if name in ("static", "static_no_truth", "total"):
        p = golden["p"]
        theta = (1e5 / p)[:, None, None] ** (2 / 7)
        depth = np.log(p[:-1] / p[1:])[:, None, None]
        stability = np.diff(predicted * theta, axis=1) / depth
        bound = np.minimum(np.diff(truth * theta, axis=1) / depth, 0)
        for level in (0.0, bound):
            mark_both(away, np.abs(level - stability) / 10 < FLOAT32_KINK, 1)
    return away


FLOAT32_KINK = 1e-5  # rounding may carry an argument over its kink


def mark_both(away: np.ndarray, near: np.ndarray, axis: int) -> None:
    """Clear the two elements of every difference that is near its kink."""
    for ends in (slice(1, None), slice(None, -1)):
        index = [slice(None)] * away.ndim
        index[axis] = ends
        away[tuple(index)][near] = 0


HANDLERS = {
    "diffusion_buffers": buffers,
    "diffusion_ops": operations,
    "p_sample": single_steps,
    "trajectory": trajectory,
    "ddim": ddim,
    "phys_losses": losses,
}
