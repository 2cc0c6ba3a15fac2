import mindspore as ms
import numpy as np
import pytest
from mindspore import Tensor, nn

from mindcast.config.schema import Sampling
from mindcast.diffusion.samplers import make_plan
from mindcast.models.diffcast import stages
from mindcast.models.diffcast.forecaster import DiffCastForecaster, sample_residual
from mindcast.refusal import Refusal
from mindcast.samples import NowcastInput
from tests.models.diffcast.small import CONTEXT, FRAME, TARGET, settings_of

SETTINGS = settings_of()
SEGMENTS = TARGET // CONTEXT


class Counted(nn.Cell):
    """A network that counts how often it is asked."""

    def __init__(self, network):
        super().__init__(auto_prefix=False)
        self.network, self.model, self.backbone_net = network, network.model, network.backbone_net
        self.calls = 0

    def construct(self, context):
        self.calls += 1
        return self.network(context)


@pytest.fixture(scope="module")
def networks():
    ms.set_seed(0)
    made = {"backbone": stages.build_backbone(SETTINGS), "joint": stages.build_joint(SETTINGS)}
    return {stage: network.set_train(False) for stage, network in made.items()}


def forecaster_of(networks, settings=SETTINGS, **sampling):
    chosen = Sampling(**{"sampler": "ddim", "steps": 2, "batch_size": 3} | sampling)
    return DiffCastForecaster(settings, networks, chosen, seed=0, compiled=False)


def given(cases=2):
    rng = np.random.default_rng(0)
    return NowcastInput(rng.random((cases, CONTEXT, *FRAME, 1), np.float32))


def test_the_networks_that_there_are_decide_the_methods(networks):
    backbone, joint = ({stage: networks[stage]} for stage in ("backbone", "joint"))
    assert forecaster_of(backbone).methods == ("simvp",)
    assert forecaster_of(joint).methods == ("diffcast-mu", "diffcast")
    both = forecaster_of(networks)
    assert both.methods == ("simvp", "diffcast-mu", "diffcast")
    assert both.deterministic == ("simvp", "diffcast-mu")


def test_a_forecaster_without_any_network_is_refused():
    with pytest.raises(Refusal, match="neither of stage backbone nor of stage joint"):
        forecaster_of({})


def test_deterministic_methods_are_the_backbones_limited_to_the_data_s_range(networks):
    x = np.ascontiguousarray(given().context.transpose(0, 1, 4, 2, 3))
    forecaster = forecaster_of(networks)
    for method, network in (
        ("simvp", networks["backbone"]),
        ("diffcast-mu", networks["joint"].backbone_net),
    ):
        got = forecaster.forecast(method, given(), (0, 1), members=5)
        expected = network(Tensor(x)).asnumpy().transpose(0, 1, 3, 4, 2)
        assert got.shape == (2, 1, TARGET, *FRAME, 1)
        np.testing.assert_allclose(got[:, 0], np.clip(expected, 0, 1), atol=1e-5)


@pytest.mark.slow
def test_the_context_is_scanned_once_a_case_whatever_the_steps_and_members(networks):
    counted = Counted(networks["joint"])
    forecaster = forecaster_of({"joint": counted}, steps=2, batch_size=4)
    forecaster.forecast("diffcast", given(), (0, 1), members=4)
    assert counted.calls == 2


@pytest.mark.slow
def test_progress_ends_at_the_steps_of_all_members(networks):
    done = []
    forecaster = forecaster_of(networks, steps=2, batch_size=2)
    forecaster.forecast("diffcast", given(1), (0,), members=3, progress=done.append)
    assert done == [2, 2, 1, 1]


@pytest.mark.parametrize("backbone", ["simvp", "convgru"])
def test_patches_of_pixels_give_whole_frames_again(backbone):
    levels = {"stem": [4], "hidden": [4], "state_kernels": [3]}
    settings = settings_of(patch=2, backbone=backbone, convgru=levels)
    networks = {"joint": stages.build_joint(settings).set_train(False)}
    forecaster = forecaster_of(networks, settings, steps=1, batch_size=1)
    for method in forecaster.methods:
        made = forecaster.forecast(method, given(1), (0,), members=1)
        assert made.shape == (1, 1, TARGET, *FRAME, 1)


class Chained(nn.Cell):
    """A sampling step that lands on: the previous segment + the number of the segment + feature."""

    def construct(self, x, t, coefficients, noise, previous, segment, feature):
        following = 0 * x + previous + segment.reshape(-1, 1, 1, 1, 1) + feature
        return following, following


class Zeros:
    def draw(self):
        return np.zeros((2, 1, 1, 1, 1), np.float32)


def test_every_segment_is_conditioned_on_its_number_its_context_and_the_one_before():
    plan = make_plan("ddim", SETTINGS.diffusion.process(), 2)
    local, whole = (Tensor(np.full((2, 1, 1, 1, 1), v, np.float32)) for v in (10, 100))
    features = [local, whole]
    residual = sample_residual(Chained(), plan, Zeros(), features, shape=(1, 1, 1, 1), segments=3)
    # 0 + 0 + 10, then 10 + 1 + 100, then 111 + 2 + 100
    assert residual[:, :, 0, 0, 0].tolist() == [[10, 111, 213]] * 2


@pytest.mark.slow
@pytest.mark.parametrize(("sampler", "eta"), [("ddpm", 0.0), ("ddim", 1.0), ("dpmpp_2m_sde", 0.0)])
def test_noisy_samplers_give_ensembles_in_the_data_s_range(networks, sampler, eta):
    forecaster = forecaster_of(networks, sampler=sampler, eta=eta)
    made = forecaster.forecast("diffcast", given(1), (0,), members=2)
    assert made.shape == (1, 2, TARGET, *FRAME, 1)
    assert made.min() >= 0
    assert made.max() <= 1
    assert not np.allclose(made[0, 0], made[0, 1])
