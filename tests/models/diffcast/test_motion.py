import mindspore as ms
import numpy as np
import pytest
from mindspore import Tensor, nn

from mindcast.compiled import arguments, compiled
from mindcast.config.schema import Sampling
from mindcast.models.diffcast import draws, stages
from mindcast.models.diffcast.backbone_loss import BackboneLoss, MovedBackboneLoss
from mindcast.models.diffcast.forecaster import DiffCastForecaster
from mindcast.models.diffcast.network import JointNetwork, to_network
from mindcast.models.diffcast.residual_loss import MovedResidualLoss, ResidualLoss
from mindcast.models.diffcast.spec import SPEC
from mindcast.motion.extrapolation import extrapolate
from mindcast.motion.field import motion_field
from mindcast.motion.moved import VALUE, moved_members
from mindcast.samples import NowcastInput, Sample, stacked
from tests.models.diffcast.small import CONTEXT, TARGET, settings_of
from tests.motion.blobs import moving

SIDE, SEED, KEYS = 32, 3, (4, 9)
ADVECTION = {"dim": 8, "multiples": [1, 2]}
DENOISER = {"dim": 8, "multiples": [1, 2]}


def settings(**changes):
    given = {"frame_size": (SIDE, SIDE), "backbone": "advection", "advection": ADVECTION}
    return settings_of(**(given | changes))


def rain(cases=2):
    """Cases (N, T, H, W, 1) of context and truth."""
    velocities = ((1.5, -0.5), (-1.0, 1.0))[:cases]
    frames = [moving(v, CONTEXT + TARGET, SIDE, seed=k) for k, v in enumerate(velocities)]
    return np.stack(frames)[..., np.newaxis]


def context(cases=2):
    return NowcastInput(rain(cases)[:, :CONTEXT])


@pytest.fixture(scope="module")
def networks():
    return build(settings())


def build(chosen):
    ms.set_seed(0)
    made = {"backbone": stages.build_backbone(chosen), "joint": stages.build_joint(chosen)}
    return {stage: network.set_train(False) for stage, network in made.items()}


def forecaster_of(chosen, networks=None, seed=SEED, **sampling):
    options = Sampling(**{"sampler": "ddim", "steps": 1, "batch_size": 3} | sampling)
    return DiffCastForecaster(chosen, networks or build(chosen), options, seed, compiled=False)


def extrapolation(given):
    """The last frames (N, T, H, W) along the motion of their contexts, without any model."""
    return np.stack(
        [
            extrapolate(case[-1, ..., 0], motion_field(case[..., 0]).field, TARGET)
            for case in given.context
        ]
    )


class Recorded:
    """A sampling step whose residual is 0, and which keeps what it was given."""

    def __init__(self):
        self.known = []

    def __call__(self, x, t, coefficients, noise, *known):
        self.known.append(known)
        return 0 * x, 0 * x


@pytest.mark.parametrize("patch", [1, 4])
def test_untrained_deterministic_methods_are_the_extrapolation_exactly(patch):
    forecaster = forecaster_of(settings(patch=patch))
    assert forecaster.methods == ("advection", "diffcast-mu", "diffcast")
    for method in forecaster.deterministic:
        made = forecaster.forecast(method, context(), KEYS, members=3)
        assert made.shape == (2, 1, TARGET, SIDE, SIDE, 1)
        np.testing.assert_array_equal(made[:, 0, ..., 0], extrapolation(context()))


@pytest.mark.parametrize(
    "still",
    [np.zeros((SIDE, SIDE)), np.full((SIDE, SIDE), 0.4), rain(1)[0, 0, ..., 0]],
    ids=["dry", "constant", "unchanged"],
)
def test_a_context_without_motion_stands_still(networks, still):
    given = NowcastInput(np.float32([[still] * CONTEXT])[..., np.newaxis])
    forecaster = forecaster_of(settings(), networks)
    made = forecaster.forecast("advection", given, (4,), members=1)
    np.testing.assert_array_equal(made, np.broadcast_to(given.context[:, None, :1], made.shape))
    forecaster.step = Recorded()
    members = forecaster.forecast("diffcast", given, (4,), members=2)
    assert np.isfinite(members).all()
    assert members.max() <= still.max() + 1e-6


def test_a_context_of_one_frame_stands_still():
    chosen = settings(context_frames=1, target_frames=2)
    given = NowcastInput(rain(1)[:, :1])
    made = forecaster_of(chosen).forecast("advection", given, (4,), members=1)
    np.testing.assert_array_equal(made, np.broadcast_to(given.context[:, None], made.shape))


def test_every_member_is_corrected_along_its_own_motion(networks):
    chosen = settings()
    forecaster = forecaster_of(chosen, networks)
    forecaster.step = Recorded()
    made = forecaster.forecast("diffcast", context(), KEYS, members=3)
    motion = chosen.advection.motion
    expected = moved_members(context().context, KEYS, 3, TARGET, motion, SEED)[..., VALUE]
    np.testing.assert_allclose(made[..., 0], np.clip(expected, 0, 1), atol=1e-7)
    # and the same whatever else is drawn beside it
    other = forecaster_of(chosen, networks, batch_size=1)
    other.step = Recorded()
    second = NowcastInput(context().context[1:])
    alone = other.forecast("diffcast", second, KEYS[1:], members=2)
    np.testing.assert_array_equal(alone[0], made[1, :2])


@pytest.mark.parametrize("patch", [1, 2])
def test_the_denoiser_sees_of_a_member_the_forecast_and_moved_frames_of_its_segment(patch):
    chosen = settings(
        patch=patch, denoiser={**DENOISER, "sees_forecast": True}, context_net={"use": False}
    )
    forecaster = forecaster_of(chosen, batch_size=4)
    forecaster.step = step = Recorded()
    forecaster.forecast("diffcast", context(), KEYS, members=2)
    own = moved_members(context().context, KEYS, 2, TARGET, chosen.advection.motion, SEED)
    own = to_network(own.reshape(-1, *own.shape[2:]), patch)  # (N M, T, 3 C, H, W)
    seen = np.concatenate([own[:, :, : patch**2], own], axis=2)  # untrained: mu is the value
    assert len(step.known) == chosen.segments
    for number, (previous, index, guide) in enumerate(step.known):
        frames = seen[:, number * CONTEXT : (number + 1) * CONTEXT]
        assert guide.shape[1] == CONTEXT * chosen.guide_channels
        np.testing.assert_array_equal(guide.asnumpy(), frames.reshape(guide.shape))
        assert index.asnumpy().tolist() == [number] * 4
        assert not previous.asnumpy().any()


def test_a_denoiser_that_sees_any_backbone_s_forecast_gets_it_once_a_case():
    chosen = settings(backbone="simvp", denoiser={**DENOISER, "sees_forecast": True})
    forecaster = forecaster_of(chosen, batch_size=4)
    forecaster.step = step = Recorded()
    made = forecaster.forecast("diffcast", context(), KEYS, members=2)
    mu = forecaster.forecast("diffcast-mu", context(), KEYS, members=1)
    np.testing.assert_allclose(made, np.broadcast_to(mu, made.shape), atol=1e-6)
    for _, _, guide, *features in step.known:
        assert guide.shape == (4, CONTEXT, SIDE, SIDE)
        assert len(features) == 2


@pytest.mark.slow
def test_an_untrained_denoiser_that_sees_the_forecast_leaves_members_to_motion():
    chosen = settings(
        denoiser={**DENOISER, "sees_forecast": True},
        context_net={"use": False},
        diffusion={"timesteps": 20, "prediction": "x0"},
    )
    made = forecaster_of(chosen).forecast("diffcast", context(), KEYS, members=2)
    own = moved_members(context().context, KEYS, 2, TARGET, chosen.advection.motion, SEED)
    np.testing.assert_allclose(made[..., 0], own[..., VALUE], atol=1e-6)


@pytest.mark.parametrize("method", ["advection", "diffcast-mu"])
def test_a_single_forecast_gets_its_share_of_the_correction(method):
    made = build(settings())
    for backbone in (made["backbone"], made["joint"].backbone_net):
        bias = backbone.correction.last.bias
        bias.set_data(Tensor(np.full(bias.shape, 0.2, np.float32)))
    start = extrapolation(context())
    for share in (1.0, 0.5, 0.0):
        advection = {**ADVECTION, "motion": {"learned_share": share}}
        forecaster = forecaster_of(settings(advection=advection), made)
        forecast = forecaster.forecast(method, context(), KEYS, members=1)
        expected = np.clip(start + share * 0.2, 0, 1)
        np.testing.assert_allclose(forecast[:, 0, ..., 0], expected, atol=1e-6)


def with_residual(forecaster, value):
    forecaster.step = lambda x, *known: (0 * x + value, 0 * x + value)
    return forecaster.forecast("diffcast", context(), KEYS, members=1)


@pytest.mark.parametrize("share", [1.0, 0.5])
def test_the_residual_is_undone_by_its_scale_and_added_by_its_share(networks, share):
    motion = {"learned_share": share, "match_values": False}
    chosen = settings(
        advection={**ADVECTION, "motion": motion},
        diffusion={"timesteps": 20, "residual_scale": 8.0},
    )
    forecaster = forecaster_of(chosen, networks)
    mu, made = with_residual(forecaster, 0.0), with_residual(forecaster, 0.4)
    np.testing.assert_allclose(made, np.clip(mu + share * 0.05, 0, 1), atol=1e-6)


def test_a_member_keeps_the_values_of_its_extrapolated_frames(networks):
    forecaster = forecaster_of(settings(), networks)
    mu, made = with_residual(forecaster, 0.0), with_residual(forecaster, 0.4)
    # all pixels were raised alike; sums may round two of them to one, which then change places
    np.testing.assert_allclose(made, mu, atol=1e-6)


# -- losses -----------------------------------------------------------------------------------


def training_batch(chosen):
    samples = [Sample(NowcastInput(case[:CONTEXT]), case[CONTEXT:]) for case in rain()]
    derive = SPEC.stages["joint"].derive(chosen)
    if derive is not None:
        samples = [derive(one, np.random.default_rng(1)) for one in samples]
    drawn = draws.for_segments(chosen, np.random.default_rng(2), len(samples))
    return {**stacked(samples).named, **drawn}


class Taking(nn.Cell):
    """A backbone that forecasts the first channel of what it is given, and keeps that."""

    def forecast_and_loss(self, context, target):
        self.taken = context
        forecast = context[:, :, :1]
        return forecast, ((forecast - target) ** 2).mean()


def test_the_loss_of_a_backbone_that_takes_moved_frames_is_its_error():
    inputs = training_batch(settings())
    loss = MovedBackboneLoss(BackboneLoss(Taking()))
    (_, (value, mse)) = loss(*arguments(loss, inputs))
    error = inputs["extrapolated"][..., :1] - inputs["truth"]
    assert float(value) == pytest.approx((error**2).mean(), rel=1e-5)
    assert float(mse) == pytest.approx(float(value), rel=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize(("use", "conditioning_noise"), [(True, 0.3), (False, 0.0)])
def test_the_joint_loss_hands_the_moved_frames_to_backbone_and_denoiser(use, conditioning_noise):
    chosen = settings(
        denoiser={**DENOISER, "sees_forecast": True},
        context_net={"use": use},
        diffusion={"timesteps": 20, "conditioning_noise": conditioning_noise},
    )
    ms.set_seed(0)
    network = JointNetwork(chosen)
    last = network.model.final_conv.weight
    last.set_data(last.value() + 0.1)  # it starts at zero, which hides what comes before
    loss = MovedResidualLoss(ResidualLoss(network, chosen))
    inputs = training_batch(chosen)
    total, diagnostics = loss(*arguments(loss, inputs))
    named = {name: to_network(Tensor(a)) for name, a in inputs.items() if name != "t"}
    moved = named.pop("extrapolated")
    expected = loss.loss.of_frames(t=Tensor(inputs["t"]), moved=moved, **named)
    assert float(total) == float(expected[0])
    assert len(diagnostics) == len(loss.diagnostic_names)
    # the denoiser's input depends on the moved frames beyond mu: the inside channel
    changed = moved.asnumpy().copy()
    changed[:, :, 2] = 1 - changed[:, :, 2]
    other = loss.loss.of_frames(t=Tensor(inputs["t"]), moved=Tensor(changed), **named)
    assert float(other[1][1]) == float(diagnostics[1])  # mu is the value: not changed
    assert float(other[1][2]) != float(diagnostics[2])


@pytest.mark.slow
def test_the_compiled_joint_loss_agrees_with_pynative():
    chosen = settings(
        denoiser={"dim": 8, "multiples": [1], "sees_forecast": True},
        advection={"dim": 8, "multiples": [1]},
        context_net={"use": False},
        diffusion={"timesteps": 20, "conditioning_noise": 0.3},
    )
    ms.set_seed(0)
    network = stages.build_joint(chosen)
    (objective,) = stages.joint_objectives(chosen, network, {})
    ((_, loss),) = objective.phases
    inputs = arguments(loss, training_batch(chosen))
    assert len(inputs) == 6
    differentiate = ms.value_and_grad(
        loss, None, ms.ParameterTuple(objective.parameters), has_aux=True
    )
    (value, _), gradients = differentiate(*inputs)
    (again, _), compiled_gradients = ms.jit(differentiate)(*inputs)
    assert float(again) == pytest.approx(float(value), rel=1e-5)
    scale = max(np.abs(g.asnumpy()).max() for g in gradients)
    for a, b in zip(compiled_gradients, gradients, strict=True):
        np.testing.assert_allclose(a.asnumpy(), b.asnumpy(), atol=1e-4 * scale)


def test_without_a_context_network_there_is_none_to_train():
    chosen = settings(denoiser={**DENOISER, "sees_forecast": True}, context_net={"use": False})
    network = stages.build_joint(chosen)
    (objective,) = stages.joint_objectives(chosen, network, {})
    names = {parameter.name.partition(".")[0] for parameter in objective.parameters}
    assert names == {"model", "backbone_net"}
    assert {p.name for p in objective.parameters} == {p.name for p in network.get_parameters()}


def test_an_advection_frozen_from_the_start_stays_the_extrapolation():
    chosen = settings(freeze_backbone=True, warm_start=False)
    network = build(chosen)["joint"]
    (objective,) = stages.joint_objectives(chosen, network, {})
    trained = {id(parameter) for parameter in objective.parameters}
    assert trained.isdisjoint(id(p) for p in network.backbone_net.get_parameters())


class Refusing(nn.Cell):
    """Stands for a correction that must not be computed; `last` is that of the true one."""

    def __init__(self, last):
        super().__init__(auto_prefix=False)
        self.last = last

    def construct(self, moved, lead):
        raise AssertionError("the correction was computed")


def frozen_joint():
    """A joint network whose advection is frozen from the start, its objective and a batch."""
    chosen = settings(
        denoiser={"dim": 8, "multiples": [1], "sees_forecast": True},
        advection={"dim": 8, "multiples": [1]},
        context_net={"use": False},
        freeze_backbone=True,
        warm_start=False,
    )
    ms.set_seed(0)
    network = stages.build_joint(chosen)
    (objective,) = stages.joint_objectives(chosen, network, {})
    ((_, loss),) = objective.phases
    return network, objective, loss, arguments(loss, training_batch(chosen))


def test_a_correction_that_is_zero_and_frozen_is_not_computed_and_training_is_the_same_to_the_bit():
    network, objective, loss, inputs = frozen_joint()
    weights = ms.ParameterTuple(objective.parameters)
    differentiate = ms.value_and_grad(loss, None, weights, has_aux=True)
    through_the_door = compiled(differentiate, graph=False, cell=loss)
    last = network.model.final_conv.weight
    last.set_data(last.value() + 0.1)  # it starts at zero, which hides what comes before
    (expected, _), gradients = differentiate(*inputs)
    network.backbone_net.correction = Refusing(network.backbone_net.correction.last)
    (value, _), own = through_the_door(*inputs)
    assert float(value) == float(expected)
    for one, other in zip(own, gradients, strict=True):
        np.testing.assert_array_equal(one.asnumpy(), other.asnumpy())


@pytest.mark.slow
def test_a_graph_computes_a_frozen_correction_once_weights_are_loaded():
    network, _, loss, inputs = frozen_joint()
    function, losses = compiled(loss, graph=True), []
    bias = network.backbone_net.correction.last.bias
    for value in (0.0, 0.1, 0.0):
        bias.set_data(Tensor(np.full(bias.shape, value, np.float32)))
        losses.append(float(function(*inputs)[0]))
    assert losses[0] == losses[2] != losses[1]


@pytest.mark.parametrize("method", ["diffcast-mu", "diffcast"])
def test_a_forecast_computes_a_correction_once_it_is_not_zero(method):
    chosen = settings(patch=4)
    made = build(chosen)
    for parameter in made["joint"].get_parameters():
        parameter.requires_grad = False  # as it is loaded
    forecaster, backbone = forecaster_of(chosen, made), made["joint"].backbone_net
    correction = backbone.correction
    backbone.correction = Refusing(correction.last)
    before = forecaster.forecast(method, context(), KEYS, members=1)
    backbone.correction = correction
    correction.last.bias.set_data(correction.last.bias.value() + 0.2)
    after = forecaster.forecast(method, context(), KEYS, members=1)
    assert np.abs(after - before).max() > 0.05
