import mindspore as ms
import numpy as np
import pytest

from mindcast.models.diffcast import stages
from mindcast.refusal import Refusal
from tests.models.diffcast.small import settings_of

EARTHFORMER = {
    "base_units": 8,
    "stem_channels": [8],
    "stem_factors": [1],
    "stem_convolutions": [1],
    "encoder_depth": [1],
    "decoder_depth": [1],
    "global_vectors": 2,
}


def trained_backbone(settings):
    ms.set_seed(7)
    return stages.build_backbone(settings)


def values(cell):
    return {name: p.asnumpy() for name, p in cell.parameters_and_names()}


def names(objectives):
    return {parameter.name for parameter in objectives[0].parameters}


def joint(settings, frozen):
    ms.set_seed(0)
    network = stages.build_joint(settings)
    return network, stages.joint_objectives(settings, network, frozen)


def test_the_joint_training_starts_from_the_trained_backbone():
    settings = settings_of()
    backbone = trained_backbone(settings)
    network, _ = joint(settings, {"backbone": backbone})
    expected, got = values(backbone), values(network.backbone_net)
    assert got.keys() == expected.keys()
    for name, array in got.items():
        np.testing.assert_array_equal(array, expected[name])


@pytest.mark.parametrize("given", [True, False])
def test_without_a_warm_start_or_a_trained_backbone_it_starts_from_scratch(given):
    settings = settings_of(warm_start=not given)
    backbone = trained_backbone(settings)
    network, objectives = joint(settings, {"backbone": backbone} if given else {})
    trained, own = values(backbone), values(network.backbone_net)
    assert any(not np.array_equal(own[name], trained[name]) for name in own)
    assert names(objectives) == {p.name for p in network.trainable_params()}


def test_a_frozen_backbone_is_not_among_the_parameters():
    settings = settings_of(freeze_backbone=True)
    _, objectives = joint(settings, {"backbone": trained_backbone(settings)})
    assert {name.partition(".")[0] for name in names(objectives)} == {"model", "ctx_net"}


def test_freezing_a_backbone_that_was_never_trained_is_refused():
    with pytest.raises(Refusal, match="freeze_backbone = true: there is no trained backbone"):
        joint(settings_of(freeze_backbone=True), {})


@pytest.mark.parametrize("stage", ["backbone", "joint"])
def test_parameters_that_never_get_a_gradient_are_left_out(stage):
    settings = settings_of(backbone="earthformer", earthformer=EARTHFORMER)
    network = getattr(stages, f"build_{stage}")(settings)
    objectives = getattr(stages, f"{stage}_objectives")(settings, network, {})
    backbone = network if stage == "backbone" else network.backbone_net
    never = backbone.untrained_names()
    assert never
    left_out = {p.name for p in network.trainable_params()} - names(objectives)
    assert left_out == {("backbone_net." if stage == "joint" else "") + name for name in never}
