"""The two training stages of DiffCast: which network, which losses, what to look at."""

from __future__ import annotations

from collections.abc import Mapping

from mindspore import Parameter, nn

from mindcast.config.schema import Sampling
from mindcast.models.base import Objective, Preview
from mindcast.models.diffcast.backbone_loss import BackboneLoss, MovedBackboneLoss
from mindcast.models.diffcast.forecaster import MEAN, SAMPLED, DiffCastForecaster
from mindcast.models.diffcast.network import JointNetwork, backbone_of
from mindcast.models.diffcast.residual_loss import MovedResidualLoss, ResidualLoss
from mindcast.models.diffcast.settings import DiffCastSettings
from mindcast.refusal import Refusal
from mindcast.samples import NowcastSample

PREVIEW_STEPS = 5


def build_backbone(settings: DiffCastSettings) -> nn.Cell:
    """The chosen deterministic backbone."""
    return backbone_of(settings)


def build_joint(settings: DiffCastSettings) -> nn.Cell:
    """Backbone, context network and denoiser (Yu et al. 2024)."""
    return JointNetwork(settings)


def backbone_objectives(
    settings: DiffCastSettings, network: nn.Cell, frozen: Mapping[str, nn.Cell]
) -> tuple[Objective, ...]:
    """The backbone's own loss."""
    loss: nn.Cell = BackboneLoss(network, settings.patch)
    if settings.motion is not None:
        loss = MovedBackboneLoss(loss)
    return (Objective("backbone", network.trainable_parameters(), ((0, loss),)),)


def joint_objectives(
    settings: DiffCastSettings, network: nn.Cell, frozen: Mapping[str, nn.Cell]
) -> tuple[Objective, ...]:
    """Deterministic and diffusion loss together; `network` may start from the trained backbone.

    What a resumed run restores afterwards replaces that start. Refusal if a backbone is to be
    frozen that was never trained.
    """
    if settings.warm_start and "backbone" in frozen:
        copy_weights(frozen["backbone"], network.backbone_net)
    elif settings.freeze_backbone and settings.warm_start:
        raise Refusal(
            "model.freeze_backbone = true: there is no trained backbone; train stage backbone "
            "first or set it to false"
        )
    if settings.freeze_backbone:
        for parameter in network.backbone_net.get_parameters():
            parameter.requires_grad = False
    loss: nn.Cell = ResidualLoss(network, settings)
    if settings.motion is not None:
        loss = MovedResidualLoss(loss)
    return (Objective("joint", _trained(settings, network), ((0, loss),)),)


def copy_weights(source: nn.Cell, target: nn.Cell) -> None:
    """Set every parameter of `target` from the one at the same place in `source`."""
    values = dict(source.parameters_and_names())
    for name, parameter in target.parameters_and_names():
        parameter.set_data(values[name].value())


def _trained(settings: DiffCastSettings, network: nn.Cell) -> list[Parameter]:
    own = network.model.trainable_params()
    if network.ctx_net is not None:
        own += network.ctx_net.trainable_params()
    return own if settings.freeze_backbone else own + network.backbone_net.trainable_parameters()


def preview_backbone(
    settings: DiffCastSettings,
    network: nn.Cell,
    frozen: Mapping[str, nn.Cell],
    sample: NowcastSample,
) -> Preview:
    """Context, truth and the backbone's forecast."""
    return _preview(settings, {"backbone": network}, sample, (settings.backbone,))


def preview_joint(
    settings: DiffCastSettings,
    network: nn.Cell,
    frozen: Mapping[str, nn.Cell],
    sample: NowcastSample,
) -> Preview:
    """Context, truth, the deterministic part and one forecast in a few steps."""
    return _preview(settings, {"joint": network}, sample, (MEAN, SAMPLED))


def _preview(
    settings: DiffCastSettings,
    networks: Mapping[str, nn.Cell],
    sample: NowcastSample,
    methods: tuple[str, ...],
) -> Preview:
    steps = min(PREVIEW_STEPS, settings.diffusion.timesteps)
    sampling = Sampling(sampler="ddim", steps=steps)
    forecaster = DiffCastForecaster(settings, networks, sampling, seed=0, compiled=False)
    rows = [("context", sample.input.context[0, ..., 0]), ("truth", sample.known_truth[0, ..., 0])]
    for method in methods:
        (forecast,) = forecaster.forecast(method, sample.input, keys=[0], members=1)
        rows.append((method, forecast[0, ..., 0]))
    return Preview(rows, "radar")
