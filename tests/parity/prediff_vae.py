"""Golden files of the autoencoder, its Gaussians, its discriminator and its training objective."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import mindspore as ms
import numpy as np
from mindspore import Tensor, nn

from mindcast.models.prediff.discriminator import PatchDiscriminator
from mindcast.models.prediff.settings import AdversarySettings, AutoencoderSettings
from mindcast.models.prediff.vae import (
    Autoencoder,
    Decoder,
    Encoder,
    gaussian_nll,
    kl_between,
    kl_to_standard_normal,
    split_moments,
)
from mindcast.models.prediff.vae_blocks import AttentionBlock, Downsample, ResnetBlock, Upsample
from mindcast.models.prediff.vae_loss import (
    DiscriminatorLoss,
    GeneratorLoss,
    ReconstructionLoss,
    hinge_loss,
    vanilla_loss,
)
from mindcast.models.prediff.weights import to_ours
from tests.parity.cells import differentiate, load
from tests.parity.golden import Comparison, GoldenFile


def settings_of(config: Mapping[str, Any]) -> AutoencoderSettings:
    return AutoencoderSettings(
        latent_channels=config["latent_channels"],
        block_channels=tuple(config["block_out_channels"]),
        layers_per_block=config["layers_per_block"],
        norm_groups=config["norm_num_groups"],
    )


def compare_gradients(
    golden: GoldenFile, by_input: Mapping[str, np.ndarray], by_weight: Mapping[str, np.ndarray]
) -> Iterator[Comparison]:
    """Every `gin/` and `gw/` of the file; parameters with the floor of golden/README."""
    expected = golden.under("gw/")
    floor = 1e-5 * max((np.abs(array).max() for array in expected.values()), default=0.0)
    for name, array in golden.under("gin/").items():
        yield Comparison(f"{golden.name} gin/{name}", by_input[name], array)
    for name, array in expected.items():
        yield Comparison(f"{golden.name} gw/{name}", by_weight[name], array, floor=floor)


def compare_cell(cell: nn.Cell, golden: GoldenFile) -> Iterator[Comparison]:
    """One input, one output `y`."""
    ((name, x),) = golden.under("in/").items()
    (y,), (dx,), by_weight = differentiate(cell, [x], [golden["r/y"]])
    yield Comparison(f"{golden.name} out/y", y, golden["out/y"])
    yield from compare_gradients(golden, {name: dx}, by_weight)


def attention_block(golden: GoldenFile) -> Iterable[Comparison]:
    config = golden.json()
    cell = AttentionBlock(
        config["channels"], config["norm_num_groups"], config["num_head_channels"]
    )
    return compare_cell(load(cell, golden.under("w/")), golden)


def resnet_block(golden: GoldenFile) -> Iterable[Comparison]:
    config = golden.json()
    cell = ResnetBlock(config["in_channels"], config["out_channels"], config["groups"])
    return compare_cell(load(cell, golden.under("w/")), golden)


def downsample(golden: GoldenFile) -> Iterator[Comparison]:
    cell = load(Downsample(golden.json()["channels"]), golden.under("w/"))
    for case in golden.json()["cases"]:
        yield from compare_cell(cell, golden.case(f"{case}/"))


def upsample(golden: GoldenFile) -> Iterable[Comparison]:
    cell = Upsample(golden.json()["channels"])
    return compare_cell(load(cell, golden.under("w/")), golden)


def encoder(golden: GoldenFile) -> Iterable[Comparison]:
    config = golden.json()
    cell = Encoder(settings_of(config), config["in_channels"])
    return compare_cell(load(cell, golden.under("w/")), golden)


def decoder(golden: GoldenFile) -> Iterable[Comparison]:
    config = golden.json()
    cell = Decoder(settings_of(config), config["out_channels"])
    return compare_cell(load(cell, golden.under("w/")), golden)


class AutoencoderOutputs(nn.Cell):
    """All that the file lists, in its order."""

    names = ("moments", "mean", "logvar", "z", "dec", "dec_mode", "kl")

    def __init__(self, autoencoder: Autoencoder) -> None:
        super().__init__(auto_prefix=False)
        self.autoencoder = autoencoder

    def construct(self, x: Tensor, noise: Tensor) -> tuple[Tensor, ...]:
        moments = self.autoencoder.moments(x)
        mean, logvar = split_moments(moments)
        z = self.autoencoder.sample(mean, logvar, noise)
        decoded, mode = self.autoencoder.decode(z), self.autoencoder.decode(mean)
        return moments, mean, logvar, z, decoded, mode, kl_to_standard_normal(mean, logvar)


def autoencoder(golden: GoldenFile) -> Iterator[Comparison]:
    config = golden.json()
    network = Autoencoder(settings_of(config), config["in_channels"])
    cell = AutoencoderOutputs(load(network, to_ours("vae", golden.under("w/"))))
    inputs = [golden["in/x"], golden["in/noise"]]
    cotangents = [golden[f"r/{name}"] for name in cell.names]
    outputs, (dx, d_noise), by_weight = differentiate(cell, inputs, cotangents)
    for name, output in zip(cell.names, outputs, strict=True):
        yield Comparison(f"{golden.name} out/{name}", output, golden[f"out/{name}"])
    yield from compare_gradients(golden, {"x": dx, "noise": d_noise}, by_weight)
    yield from gaussians(golden)


def gaussians(golden: GoldenFile) -> Iterator[Comparison]:
    mean, logvar = Tensor(golden["out/mean"]), Tensor(golden["out/logvar"])
    nll = gaussian_nll(Tensor(golden["nll_sample"]), mean, logvar)
    yield Comparison("nll", nll, golden["nll"])
    limited = split_moments(Tensor(golden["clamp/moments"]))[1]
    yield Comparison("clamp", limited, golden["clamp/logvar"])
    first = split_moments(Tensor(golden["kl_other/moments_a"]))
    second = split_moments(Tensor(golden["kl_other/moments_b"]))
    yield Comparison("kl_a_b", kl_between(*first, *second), golden["kl_other/kl_a_b"])


def objective_of(config: Mapping[str, Any], factor: float) -> AdversarySettings:
    return AdversarySettings(
        kl_weight=config["kl_weight"],
        weight=config["disc_weight"],
        factor=factor,
        layers=config["disc_num_layers"],
        channels=config["disc_ndf"],
        loss=config["disc_loss"],
    )


def loss_and_gradients(
    cell: nn.Cell, network: nn.Cell, golden: GoldenFile
) -> tuple[dict[str, Tensor], dict[str, np.ndarray]]:
    """Diagnostics by name, and gradients by the parameter names of `network`."""
    sequence = Tensor(np.ascontiguousarray(golden["in/x"].transpose(0, 2, 3, 1)[:, None]))
    parameters = network.trainable_params()
    step = ms.value_and_grad(cell.set_train(True), None, parameters, has_aux=True)
    (_, diagnostics), gradients = step(sequence, Tensor(golden["in/noise"]))
    by_weight = {p.name: g.asnumpy() for p, g in zip(parameters, gradients, strict=True)}
    return dict(zip(cell.diagnostic_names, diagnostics, strict=True)), by_weight


def vae_loss(golden: GoldenFile) -> Iterator[Comparison]:
    config = golden.json()
    network = Autoencoder(settings_of(config["vae"]), config["vae"]["in_channels"])
    load(network, to_ours("vae", golden.under("w_vae/")))
    restored = network(Tensor(golden["in/x"]), Tensor(golden["in/noise"]))[0]
    yield Comparison("out/rec", restored, golden["out/rec"])
    for step in sorted(steps(golden)):
        factor = config["disc_factor"] if step >= config["disc_start"] else 0.0
        yield from vae_loss_step(golden, network, step, factor)
    yield from discriminator_losses(golden)


def steps(golden: GoldenFile) -> set[int]:
    """The generator steps that the file holds: keys `out/step<k>/..`."""
    names = {key.split("/")[0] for key in golden.under("out/") if key.startswith("step")}
    return {int(name.removeprefix("step")) for name in names}


def discriminator_of(golden: GoldenFile) -> PatchDiscriminator:
    """With the running statistics that the file starts from."""
    config = golden.json()
    cell = PatchDiscriminator(
        config["disc_in_channels"], config["disc_ndf"], config["disc_num_layers"]
    )
    return load(cell, to_ours("discriminator", golden.under("w_disc/")))


def vae_loss_step(
    golden: GoldenFile, network: Autoencoder, step: int, factor: float
) -> Iterator[Comparison]:
    settings = objective_of(golden.json(), factor)
    discriminator = discriminator_of(golden)
    log_variance = float(golden[f"out/step{step}/logvar"])
    generator = GeneratorLoss(network, discriminator, settings, log_variance)
    found, gradients = loss_and_gradients(generator, network, golden)
    critic = DiscriminatorLoss(network, discriminator, settings)
    more, critic_gradients = loss_and_gradients(critic, discriminator, golden)
    for name, array in golden.under(f"out/step{step}/").items():
        if name in LOGGED:
            yield Comparison(f"step{step} {name}", (found | more)[LOGGED[name]], array)
    if factor == 0.0:
        plain = ReconstructionLoss(network, settings, log_variance)
        found, gradients = loss_and_gradients(plain, network, golden)
        yield Comparison(f"step{step} alone", found["total"], golden[f"out/step{step}/ae_loss"])
    yield from named_gradients(golden, f"gw/step{step}/ae_loss/vae/", gradients)
    yield from named_gradients(golden, f"gw/step{step}/d_loss/disc/", critic_gradients)
    statistics = {p.name: p for p in discriminator.get_parameters()}
    for name, array in golden.under(f"bn_after/step{step}/").items():
        yield Comparison(f"step{step} {name}", statistics[name], array)


LOGGED = {
    "ae_loss": "total",
    "total_loss": "total",
    "kl_loss": "kl",
    "nll_loss": "nll",
    "rec_loss": "reconstruction",
    "d_weight": "balance",
    "g_loss": "adversarial",
    "d_loss": "discriminator",
    "disc_loss": "discriminator",
    "logits_real": "logits_real",
    "logits_fake": "logits_restored",
}


def named_gradients(
    golden: GoldenFile, prefix: str, gradients: Mapping[str, np.ndarray]
) -> Iterator[Comparison]:
    expected = golden.under(prefix)
    floor = 1e-5 * max((np.abs(array).max() for array in expected.values()), default=0.0)
    for name, array in expected.items():
        yield Comparison(prefix + name, gradients[name], array, floor=floor)


def discriminator_losses(golden: GoldenFile) -> Iterator[Comparison]:
    real, fake = Tensor(golden["dloss/logits_real"]), Tensor(golden["dloss/logits_fake"])
    yield Comparison("dloss/hinge", hinge_loss(real, fake), golden["dloss/hinge"])
    yield Comparison("dloss/vanilla", vanilla_loss(real, fake), golden["dloss/vanilla"])
    cell = discriminator_of(golden).set_train(False)
    logits = cell(Tensor(golden["in/x"]))
    yield Comparison("disc_logits_eval", logits, golden["out/disc_logits_eval"])


HANDLERS = {
    "vae_loss": vae_loss,
    "vae_attention_block": attention_block,
    "vae_resnet_block": resnet_block,
    "vae_downsample2d": downsample,
    "vae_upsample2d": upsample,
    "vae_encoder": encoder,
    "vae_decoder": decoder,
    "vae_autoencoder_kl": autoencoder,
}
