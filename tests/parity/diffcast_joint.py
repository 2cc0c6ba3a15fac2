"""Golden files of DiffCast as a whole: training loss, sampling, one ancestral step."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from mindspore import Tensor, nn

from mindcast.diffusion.noising import at_time, constant
from mindcast.diffusion.samplers import Plan, make_plan
from mindcast.diffusion.sampling import SamplingStep
from mindcast.models.diffcast.forecaster import sample_residual
from mindcast.models.diffcast.network import JointNetwork
from mindcast.models.diffcast.residual_loss import ResidualLoss
from mindcast.models.diffcast.settings import DiffCastSettings
from mindcast.models.diffcast.weights import to_ours
from tests.parity.cells import differentiate, load
from tests.parity.diffcast_diffusion import KINDS
from tests.parity.diffcast_networks import in_order, unet_of
from tests.parity.golden import Comparison, GoldenFile
from tests.parity.prediff_diffusion import Recorded, times
from tests.parity.prediff_vae import compare_gradients

SIMVP = {  # theirs -> ours
    "hid_S": "spatial_channels",
    "hid_T": "temporal_channels",
    "N_S": "spatial_layers",
    "N_T": "temporal_layers",
}
REFERENCE_LOCAL_INDEX = 5  # whatever T_in


def settings_of(config: dict[str, Any], **diffusion: Any) -> DiffCastSettings:
    """The settings that a file's `config` describes."""
    named = re.findall(r"(\w+)=(\d+)", config["backbone"])
    kernels = re.search(r"kernels (\d+)/(\d+)", config["backbone"])
    simvp = {SIMVP[key]: int(value) for key, value in named}
    if kernels:
        simvp |= dict(
            zip(("encoder_kernel", "decoder_kernel"), map(int, kernels.groups()), strict=True)
        )
    return DiffCastSettings(
        name="diffcast",
        frame_size=tuple(config["img"]),
        context_frames=config["T_in"],
        target_frames=config["T_out"],
        simvp=simvp,
        denoiser={"dim": config["dim"], "multiples": tuple(config["dim_mults"])},
        context_net={"local_index": config.get("local_frame_index", REFERENCE_LOCAL_INDEX)},
        diffusion={
            "schedule": config["beta_schedule"],
            "timesteps": config["timesteps"],
            "prediction": KINDS[config["objective"]],
            **diffusion,
        },
        alpha=config.get("alpha", 0.5),
    )


def network_of(golden: GoldenFile, settings: DiffCastSettings) -> JointNetwork:
    network = load(JointNetwork(settings), to_ours("joint", golden.under("w/")))
    return network.set_train(False)


class LossOfFrames(nn.Cell):
    """The joint loss of frames (N, T, C, H, W), with only the loss to differentiate."""

    def __init__(self, loss: ResidualLoss) -> None:
        super().__init__(auto_prefix=False)
        self.loss = loss

    def construct(self, context: Tensor, truth: Tensor, t: Tensor, noise: Tensor) -> Tensor:
        return self.loss.of_frames(context, truth, t, noise)[0]


def losses(golden: GoldenFile) -> Iterator[Comparison]:
    config = golden.json()
    settings = settings_of(config)
    network = network_of(golden, settings)
    loss = ResidualLoss(network, settings)
    context, truth, t = golden["in/frames_in"], golden["in/frames_gt"], golden["in/t"].T
    by_segment = golden["in/noise"]  # (segment, N, frames, C, H, W)
    noise = by_segment.swapaxes(0, 1).reshape(truth.shape)
    inputs = [context, truth, np.ascontiguousarray(t), noise]
    (value,), by_input, by_weight = differentiate(LossOfFrames(loss), inputs, [np.float32(1)])
    yield Comparison("loss", value, golden["out/loss"])
    yield from compare_gradients(golden, {"frames_in": by_input[0]}, by_weight)

    tensors = (Tensor(context), Tensor(truth), times(inputs[2]), Tensor(noise))
    _, (_, det_loss, diff_loss) = loss.of_frames(*tensors)
    yield Comparison("det_loss", det_loss, golden["out/det_loss"])
    yield Comparison("diff_loss", diff_loss, golden["out/diff_loss"])
    weighted = ResidualLoss(network, settings_of(config, weighting="snr"))
    _, (_, _, by_snr) = weighted.of_frames(*tensors)
    yield Comparison("diff_loss_snr_weighted", by_snr, golden["out/diff_loss_snr_weighted"])
    mu = network.backbone_net(tensors[0])
    yield Comparison("mu", mu, golden["out/mu"])
    predicted, _ = loss.prediction_and_target(tensors[0], tensors[1], mu, *tensors[2:])
    predicted = predicted.asnumpy().reshape(by_segment.swapaxes(0, 1).shape).swapaxes(0, 1)
    yield Comparison("v_pred", predicted, golden["out/v_pred"])


def plan_of(golden: GoldenFile, settings: DiffCastSettings) -> Plan:
    config, process = golden.json(), settings.diffusion.process()
    return make_plan("ddim", process, config["sampling_timesteps"], config["eta"])


def step_of(denoiser: nn.Cell, settings: DiffCastSettings) -> SamplingStep:
    diffusion = settings.diffusion
    return SamplingStep(denoiser, diffusion.process(), diffusion.prediction, diffusion.clip_range)


def recorded(golden: GoldenFile, plan: Plan) -> Recorded:
    """The noises in the order in which we draw them: none where sigma is 0."""
    arrays = []
    for start, by_step in zip(golden["in/init_noise"], golden["in/step_noise"], strict=True):
        arrays += [start, *(z for step, z in zip(plan, by_step, strict=False) if step.sigma > 0)]
    return Recorded(*arrays)


def sampling(golden: GoldenFile) -> Iterator[Comparison]:
    settings = settings_of(golden.json())
    network = network_of(golden, settings)
    mu, *features = network(Tensor(golden["in/frames_in"]))
    yield Comparison("mu", mu, golden["out/mu"])
    levels = len(features) // 2
    for number, feature in enumerate(features):
        kind = "local" if number < levels else "global"
        name = f"ctx_{kind}{number % levels}"
        yield Comparison(name, feature, golden[f"out/{name}"])
    plan = plan_of(golden, settings)
    yield Comparison("times", [*(s.t for s in plan), -1], golden.json()["times"], tolerance=0)
    yield from first_step(golden, network, settings, features[:levels])

    states: list[np.ndarray] = [golden["in/init_noise"][0]]
    residual = sample_residual(
        step_of(network.model, settings),
        plan,
        recorded(golden, plan),
        features,
        record=lambda _, x: states.append(x),
        shape=golden["in/init_noise"].shape[2:],
        segments=settings.segments,
    )
    trajectory = np.stack(states[: len(plan) + 1], axis=1)
    yield Comparison("traj_segment0", trajectory, golden["out/traj_segment0"])
    yield Comparison("residual_y", residual, golden["out/residual_y"])
    frames = np.clip(mu.asnumpy() + residual / 2, 0, 1)
    yield Comparison("frames_pred", frames, golden["out/frames_pred"])


def first_step(
    golden: GoldenFile,
    network: JointNetwork,
    settings: DiffCastSettings,
    features: Sequence[Tensor],
) -> Iterator[Comparison]:
    """What the denoiser says of pure noise, and what x_0 and noise follow from it."""
    x = Tensor(golden["in/init_noise"][0])
    process = settings.diffusion.process()
    t = times(np.full(len(x), golden.json()["times"][0]))
    said = network.model(x, t, x * 0, times(np.zeros(len(x))), *features)
    yield Comparison("model_output", said, golden["out/model_output_first_step"])
    x0 = step_of(network.model, settings).to_x0(said, x, t)
    yield Comparison("x_start", x0, golden["out/x_start_first_step"])
    signal = at_time(constant(process.sqrt_alpha_bar), t, x)
    spread = at_time(constant(process.sqrt_one_minus_alpha_bar), t, x)
    noise = (x - signal * x0) / spread
    yield Comparison("pred_noise", noise, golden["out/pred_noise_first_step"])


def ancestral_step(golden: GoldenFile) -> Iterator[Comparison]:
    config = golden.json()
    settings = settings_of(config)
    unet = load(unet_of(config), golden.under("w/model.")).set_train(False)
    step, process = step_of(unet, settings), settings.diffusion.process()
    plan = make_plan("ddpm", process, process.timesteps)[::-1]
    x, told = Tensor(golden["in/x"]), Tensor(golden["in/cond"])
    around = [told, times(golden["in/idx"])]
    around += [Tensor(golden[f"in/{name}"]) for name in in_order(golden, "ctx")]
    for time in config["ts"]:
        t, planned = times(np.full(len(x), time)), plan[time]
        x0 = step.to_x0(unet(x, t, *around), x, t)
        mean = planned.x0_coefficient * x0 + planned.x_coefficient * x
        noise = Tensor(golden[f"in/noise_t{time}"])
        following, _ = step(x, t, constant(planned.coefficients), noise, *around)
        log_variance = process.posterior(time).log_variance
        expected = golden[f"out/logvar_t{time}"]
        yield Comparison(f"x_start_t{time}", x0, golden[f"out/x_start_t{time}"])
        yield Comparison(f"mean_t{time}", mean, golden[f"out/mean_t{time}"])
        yield Comparison(f"logvar_t{time}", np.full_like(expected, log_variance), expected)
        yield Comparison(f"x_prev_t{time}", following, golden[f"out/x_prev_t{time}"])


HANDLERS = {
    "diffcast_loss": losses,
    "diffcast_sample": sampling,
    "diffcast_ddpm_step": ancestral_step,
}
