"""Golden files of the diffusion process: schedules, losses, single steps, whole sampling runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from mindspore import Tensor, nn

from mindcast.diffusion.guidance import AlignmentGuidance, AlignmentViolation
from mindcast.diffusion.noising import ForwardNoising
from mindcast.diffusion.prediction import ToX0
from mindcast.diffusion.process import DiffusionProcess, vlb_weights
from mindcast.diffusion.samplers import Plan, make_plan
from mindcast.diffusion.sampling import Estimated, GuidedSamplingStep, SamplingStep, sample
from mindcast.diffusion.schedules import beta_schedule
from mindcast.models.prediff.alignment import AlignmentNetwork
from mindcast.models.prediff.denoising_loss import AlignmentLoss, DenoisingLoss, mean_intensity
from mindcast.models.prediff.earthformer_unet import EarthformerUNet
from mindcast.models.prediff.latents import FrameLatents
from mindcast.models.prediff.settings import AlignmentSettings, DenoiserSettings, DiffusionSettings
from mindcast.models.prediff.vae import Autoencoder
from mindcast.models.prediff.weights import to_ours
from mindcast.models.released import SCHEDULE
from tests.parity.cells import differentiate, load
from tests.parity.golden import Comparison, GoldenFile
from tests.parity.prediff_cuboid import pyramid_settings
from tests.parity.prediff_vae import compare_gradients, settings_of

KINDS = {"eps": "epsilon", "x0": "x0", "v": "v"}
SETTINGS = {  # theirs -> ours
    "timesteps": "timesteps",
    "linear_start": "linear_start",
    "linear_end": "linear_end",
    "scale_factor": "scale_factor",
    "loss_type": "loss",
    "learn_logvar": "learn_logvar",
    "l_simple_weight": "l_simple_weight",
    "original_elbo_weight": "elbo_weight",
    "clip_denoised": "clip_denoised",
}


def process_of(config: Mapping[str, Any]) -> DiffusionProcess:
    options = {"linear_start": "start", "linear_end": "end", "cosine_s": "offset"}
    chosen = {ours: config[theirs] for theirs, ours in options.items() if theirs in config}
    beta = beta_schedule(config["beta_schedule"], config["timesteps"], **chosen)
    return DiffusionProcess(beta, config.get("v_posterior", 0.0))


def schedule(golden: GoldenFile) -> Iterator[Comparison]:
    """The f32 bound weights are those that float32 buffers give, see the file's note."""
    process = process_of(golden.json())
    for precision in ("f64", "f32"):
        for theirs, ours in SCHEDULE.items():
            name = f"{precision}/{theirs}"
            got = getattr(process, ours).astype(golden[name].dtype)
            yield Comparison(name, got, golden[name], tolerance=1e-6)
        name = f"{precision}/lvlb_weights"
        weights = bound_weights(process, golden[name].dtype)
        yield Comparison(name, weights, golden[name], tolerance=1e-6)


def bound_weights(process: DiffusionProcess, dtype: np.dtype) -> np.ndarray:
    """The bound's weights from buffers of this precision; float32 is 2e-4 off at small t."""
    tables = (process.beta, process.posterior_variance, process.alpha, process.alpha_bar)
    return vlb_weights(*[table.astype(dtype) for table in tables])


@dataclass
class System:
    """The networks and the process of one file."""

    config: Mapping[str, Any]
    process: DiffusionProcess
    settings: DiffusionSettings
    denoiser: nn.Cell
    alignment: nn.Cell
    vae: nn.Cell

    @property
    def kind(self) -> str:
        return self.settings.prediction

    @property
    def latents(self) -> FrameLatents:
        return FrameLatents(self.vae, self.settings.scale_factor)

    def step(self) -> SamplingStep:
        return SamplingStep(self.denoiser, self.process, self.kind, self.settings.clip)

    def guided_step(self) -> GuidedSamplingStep:
        guidance = BatchGuidance(self.alignment)
        return GuidedSamplingStep(self.step(), guidance, self.config["guide_scale"])


def denoiser_of(config: Mapping[str, Any]) -> EarthformerUNet:
    settings = DenoiserSettings(
        **pyramid_settings(config),
        skip_connections=config["unet_res_connect"],
        upsample_kernel=config["upsample_kernel_size"],
    )
    return EarthformerUNet(settings, tuple(config["input_shape"]), tuple(config["target_shape"]))


def alignment_of(config: Mapping[str, Any]) -> AlignmentNetwork:
    settings = AlignmentSettings(
        **pyramid_settings(config),
        out_channels=config["out_channels"],
        read_out_per_frame=config["readout_seq"],
    )
    return AlignmentNetwork(settings, tuple(config["input_shape"]), config["out_len"])


def system_of(golden: GoldenFile) -> System:
    config = golden.json()
    settings = DiffusionSettings(
        schedule=config["beta_schedule"],
        prediction=KINDS[config["parameterization"]],
        **{ours: config[theirs] for theirs, ours in SETTINGS.items() if theirs in config},
    )
    networks = {
        "unet": (denoiser_of(config["unet"]), "diffusion"),
        "align": (alignment_of(config["align"]), "alignment"),
        "vae": (Autoencoder(settings_of(config["vae"]), config["vae"]["in_channels"]), "vae"),
    }
    for name, (network, stage) in networks.items():
        load(network, to_ours(stage, golden.under(f"w_{name}/")))
        network.set_train(False)
    denoiser, alignment, vae = (network for network, _ in networks.values())
    for parameter in vae.get_parameters():
        parameter.requires_grad = False
    return System(config, process_of(config), settings, denoiser, alignment, vae)


class BatchGuidance(nn.Cell):
    """The reference's guidance, one norm over the batch, from our gradients sample by sample.

    With U = sqrt(sum of U_n^2), the gradient of U is U_n / U times that of U_n.
    """

    def __init__(self, alignment: nn.Cell) -> None:
        super().__init__(auto_prefix=False)
        self.guidance = AlignmentGuidance(alignment)

    def construct(self, z: Tensor, t: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        gradient, violation = self.guidance(z, t, target)
        total = (violation * violation).sum().sqrt()
        share = (violation / total).reshape((-1,) + (1,) * (z.ndim - 1))
        return gradient * share, total


class Recorded:
    """Noise that was recorded: the start, then one array a step."""

    def __init__(self, *arrays: np.ndarray) -> None:
        self.arrays = iter(arrays)

    def draw(self) -> np.ndarray:
        return next(self.arrays)


def times(values: np.ndarray) -> Tensor:
    return Tensor(values.astype(np.int32))


def steps(golden: GoldenFile) -> Iterator[Comparison]:
    system = system_of(golden)
    yield from losses(golden, system)
    yield from posterior(golden, system)
    yield from single_steps(golden, system)
    yield from guidance(golden, system)
    yield from from_pixels(golden, system)


class LatentLoss(nn.Cell):
    """The denoising loss as a function of latents, with only the loss to differentiate."""

    def __init__(self, loss: DenoisingLoss) -> None:
        super().__init__(auto_prefix=False)
        self.loss = loss

    def construct(self, z0: Tensor, condition: Tensor, t: Tensor, noise: Tensor) -> Tensor:
        return self.loss.of_latents(z0, condition, t, noise)[0]


def denoising_loss(system: System, golden: GoldenFile, kind: str) -> DenoisingLoss:
    settings = system.settings.model_copy(update={"loss": kind})
    loss = DenoisingLoss(system.denoiser, system.vae, settings)
    loss.logvar.set_data(Tensor(golden["logvar"]))
    if system.kind == "epsilon":
        loss.vlb_weights = Tensor(bound_weights(system.process, np.float32))
    return loss


def losses(golden: GoldenFile, system: System) -> Iterator[Comparison]:
    names = ("z0", "zc", "t", "noise")
    inputs = [golden[f"in/{name}"] for name in names]
    z0, zc, t, noise = (Tensor(inputs[0]), Tensor(inputs[1]), times(inputs[2]), Tensor(inputs[3]))
    q_sample = ForwardNoising(system.process)(z0, t, noise)
    yield Comparison("q_sample", q_sample, golden["out/q_sample"])

    loss = denoising_loss(system, golden, system.settings.loss)
    _, diagnostics = loss.of_latents(z0, zc, t, noise)
    for name, value in zip(loss.diagnostic_names, diagnostics, strict=True):
        yield Comparison(name, value, golden[f"out/{name}"])
    absolute, _ = denoising_loss(system, golden, "l1").of_latents(z0, zc, t, noise)
    yield Comparison("loss_l1", absolute, golden["out/loss_l1"])

    _, by_input, by_weight = differentiate(LatentLoss(loss), inputs, [np.float32(1)])
    if "g_logvar" in golden:
        yield Comparison("g_logvar", by_weight.pop("logvar"), golden["g_logvar"])
    yield from compare_gradients(golden, dict(zip(names, by_input, strict=True)), by_weight)


def posterior(golden: GoldenFile, system: System) -> Iterator[Comparison]:
    z, t = golden["in/zt"], golden["in/t"]
    predicted = system.denoiser(Tensor(z), times(t), Tensor(golden["in/zc"]))
    yield Comparison("eps", predicted, golden["out/eps"])
    for suffix, clip in (("", None), ("_clip_denoised", (-1.0, 1.0))):
        x0 = ToX0(system.process, system.kind, clip)(predicted, Tensor(z), times(t)).asnumpy()
        if clip is None:
            yield Comparison("x0", x0, golden["out/x0"])
        shape = (-1,) + (1,) * (z.ndim - 1)
        of_x0, of_x, variance, log_variance = (
            part.reshape(shape) for part in system.process.posterior(t)
        )
        mean = of_x0 * x0 + of_x * z
        yield Comparison(f"post_mean{suffix}", mean, golden[f"out/post_mean{suffix}"])
    yield Comparison("post_var", variance, golden["out/post_var"])
    yield Comparison("post_logvar_clipped", log_variance, golden["out/post_logvar_clipped"])


def ancestral_step(
    golden: GoldenFile,
    system: System,
    t: np.ndarray,
    step: Callable[..., Estimated],
    temperature: float,
    *target: Tensor,
) -> np.ndarray:
    """One DDPM step in which every row has its own time, hence its own coefficients."""
    plan = make_plan("ddpm", system.process, system.process.timesteps)[::-1]
    planned = [replace(plan[time], sigma=temperature * plan[time].sigma) for time in t]
    z, noise, condition = (Tensor(golden[f"in/{name}"]) for name in ("zt", "step_noise", "zc"))
    by_row = np.stack([one.coefficients for one in planned], axis=1)
    coefficients = Tensor(by_row.reshape(*by_row.shape, *[1] * (z.ndim - 1)))
    following, _ = step(z, times(t), coefficients, noise, *target, condition)
    return following.asnumpy()


def single_steps(golden: GoldenFile, system: System) -> Iterator[Comparison]:
    target = Tensor(golden["in/avg_x_gt"])
    for suffix, key in (("", "in/t"), ("_t_with0", "in/t_with0")):
        t = golden[key]
        plain = ancestral_step(golden, system, t, system.step(), 1.0)
        yield Comparison(f"p_sample{suffix}", plain, golden[f"out/p_sample{suffix}"])
        aligned = ancestral_step(golden, system, t, system.guided_step(), 1.0, target)
        yield Comparison(
            f"p_sample_aligned{suffix}", aligned, golden[f"out/p_sample_aligned{suffix}"]
        )
    cool = ancestral_step(golden, system, golden["in/t"], system.step(), 0.5)
    yield Comparison("p_sample_temperature0.5", cool, golden["out/p_sample_temperature0.5"])


def guidance(golden: GoldenFile, system: System) -> Iterator[Comparison]:
    z, t, target = golden["in/zt"], golden["in/t"], golden["in/avg_x_gt"]
    inputs = (Tensor(z), times(t), Tensor(target))
    yield Comparison("align_pred", system.alignment(*inputs[:2]), golden["out/align_pred"])
    _, each = AlignmentViolation(system.alignment)(*inputs)
    together = np.sqrt((each.asnumpy() ** 2).sum())
    yield Comparison("align_violation", together, golden["out/align_violation"])

    coupled, _ = BatchGuidance(system.alignment)(*inputs)
    alone, _ = AlignmentGuidance(system.alignment)(*inputs)
    scale = golden.json()["guide_scale"]  # this file's shifts are without the deviation
    for name, gradient in (
        ("align_mean_shift", coupled.asnumpy()),
        ("align_mean_shift_sample0_alone", alone.asnumpy()[:1]),
    ):
        yield Comparison(name, scale * gradient, golden[f"out/{name}"])


def from_pixels(golden: GoldenFile, system: System) -> Iterator[Comparison]:
    sequence, t = Tensor(golden["in/seq"]), times(golden["in/t"])
    noise, posterior_noise = Tensor(golden["in/noise"]), Tensor(golden["in/vae_noise"])
    context = system.config["unet"]["input_shape"][0]
    frames = sequence[:, context:]
    latents = system.latents
    context_moments, moments = latents.moments(sequence[:, :context]), latents.moments(frames)
    z0 = latents.drawn(moments, posterior_noise)
    yield Comparison("seq_z", z0, golden["out/seq_z"])
    yield Comparison("seq_zc", latents.known(context_moments), golden["out/seq_zc"])
    denoising = denoising_loss(system, golden, system.settings.loss)
    loss, _ = denoising(context_moments, moments, t, noise, posterior_noise)
    yield Comparison("seq_loss", loss, golden["out/seq_loss"])

    intensity = mean_intensity(frames)
    yield Comparison("align_target", intensity, golden["out/align_target"])
    twice = 2 * intensity.asnumpy().mean(axis=1)
    yield Comparison("avg_x_gt_inference_x2", twice, golden["out/avg_x_gt_inference_x2"])
    z = ForwardNoising(system.process)(z0, t, noise)
    yield Comparison("align_train_pred", system.alignment(z, t), golden["out/align_train_pred"])
    alignment = AlignmentLoss(system.alignment, system.vae, system.settings)
    loss, _ = alignment(frames, moments, t, noise, posterior_noise)
    yield Comparison("align_train_loss", loss, golden["out/align_train_loss"])


def sampling(golden: GoldenFile) -> Iterator[Comparison]:
    system, config = system_of(golden), golden.json()
    condition = system.latents.means(Tensor(golden["in/y"]))
    yield Comparison("zc", condition, golden["out/zc"])
    plan: Plan = make_plan("ddpm", system.process, system.process.timesteps)
    step, conditioning = system.step(), [condition]
    if config["use_alignment"]:
        step, conditioning = system.guided_step(), [Tensor(golden["in/avg_x_gt"]), condition]
    trajectory = [golden["in/x_T"]]
    z0 = sample(
        step,
        plan[-config["sampled_steps"] :],
        Recorded(golden["in/x_T"], *golden["in/step_noise"]),
        conditioning,
        record=lambda _, z: trajectory.append(z),
    )
    yield Comparison("trajectory", np.stack(trajectory), golden["out/trajectory"])
    yield Comparison("z0", z0, golden["out/z0"])
    yield Comparison("decoded", system.latents.decode(Tensor(z0)), golden["out/decoded"])


HANDLERS = {"diffusion_schedule_": schedule, "diffusion_steps": steps, "sampling_": sampling}
