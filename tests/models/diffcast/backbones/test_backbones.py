import csv
from pathlib import Path

import mindspore as ms
import numpy as np
import pytest

from mindcast.models.diffcast.backbones import BACKBONES, build_backbone
from mindcast.models.diffcast.weights import TELLTALES
from tests.models.diffcast.backbones.small import SETTINGS, frames, small, source

MANIFESTS = Path(__file__).parents[5] / "shared" / "spec" / "manifests"
PUBLISHED = {
    "simvp": ("diffcast_simvp.csv", 11_063_105),
    "phydnet": ("diffcast_phydnet.csv", 3_091_732),
    "convgru": ("convgru_128.csv", 11_774_609),
    "earthformer": ("earthformer_sevir128.csv", 8_658_205),
}
EVERY = pytest.mark.parametrize("name", SETTINGS)


def test_every_backbone_has_its_tests():
    assert SETTINGS.keys() == BACKBONES.keys()
    assert PUBLISHED.keys() == TELLTALES.keys() == BACKBONES.keys() - {"advection"}  # ours


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_size_has_the_published_parameters(name):
    backbone = build_backbone(name, BACKBONES[name].settings_type(), 5, 20, (128, 128))
    parameters = {p.name: tuple(p.shape) for p in backbone.get_parameters()}
    manifest, count = PUBLISHED[name]
    assert sum(p.size for p in backbone.get_parameters()) == count
    assert parameters == learned_shapes(MANIFESTS / manifest)


def learned_shapes(path):
    """The shapes by name, each array once, without buffers and what belongs to other networks."""
    if not path.is_file():
        pytest.skip(f"no manifest {path.name} beside the project")
    with path.open() as lines:
        rows = [r for r in csv.DictReader(lines) if r["is_buffer"] == "0" and not r["alias_of"]]
    if any(row["name"].startswith("backbone_net.") for row in rows):
        rows = [row for row in rows if row["name"].startswith("backbone_net.")]
    return {
        row["name"].removeprefix("backbone_net."): tuple(map(int, row["shape"].split("x")))
        for row in rows
    }


@EVERY
@pytest.mark.parametrize(
    ("context", "target", "channels", "frame"), [(1, 3, 1, (8, 8)), (2, 4, 2, (16, 8))]
)
def test_forecast_has_the_horizon_the_channels_and_the_frame_asked_for(
    name, context, target, channels, frame
):
    backbone = small(name, context, target, channels, frame)
    forecast = backbone(source(name, context, target, channels, frame=frame))
    assert forecast.shape == (2, target, channels, *frame)
    assert np.isfinite(forecast.asnumpy()).all()


@EVERY
def test_samples_of_a_batch_do_not_mix_and_no_state_stays_behind(name):
    backbone = small(name)
    context = source(name)
    together, alone, again = (backbone(c).asnumpy() for c in (context, context[1:], context))
    np.testing.assert_allclose(together[1:], alone, atol=1e-5)
    np.testing.assert_array_equal(together, again)


@EVERY
def test_every_frame_that_it_is_given_changes_the_forecast(name):
    backbone = small(name, context=3, target=3)
    context = source(name, 3, 3, batch=1)
    base = backbone(context).asnumpy()
    for t in range(3):
        changed = context.asnumpy().copy()
        changed[:, t, :, :4] = 0.0
        assert np.abs(backbone(ms.Tensor(changed)).asnumpy() - base).max() > 1e-6, t


def gradients(backbone, context, target):
    """Loss, forecast and gradients of all parameters by name, in PyNative."""
    parameters = backbone.trainable_params()

    def loss(context, target):
        prediction, value = backbone.forecast_and_loss(context, target)
        return value, prediction

    step = ms.value_and_grad(loss, None, parameters, has_aux=True)
    (value, prediction), found = step(context, target)
    return value, prediction, dict(zip((p.name for p in parameters), found, strict=True))


@pytest.mark.slow
@EVERY
def test_the_trainable_parameters_are_those_that_the_loss_depends_on(name):
    backbone = small(name)
    context, target = source(name), frames(2, seed=1)
    _, prediction, found = gradients(backbone, context, target)
    moved = {key for key, gradient in found.items() if np.abs(gradient.asnumpy()).max() > 0}
    assert moved == {p.name for p in backbone.trainable_parameters()}
    assert found.keys() - moved == backbone.untrained_names()
    np.testing.assert_array_equal(prediction.asnumpy(), backbone(context).asnumpy())


@EVERY
def test_a_step_against_the_gradient_lowers_the_loss(name):
    backbone = small(name)
    context, target = source(name), frames(2, seed=1)
    before, _, found = gradients(backbone, context, target)
    square = sum(float((g * g).sum().asnumpy()) for g in found.values())
    for p in backbone.trainable_params():
        p.set_data(p - found[p.name] * (1e-3 * float(before.asnumpy()) / square))
    _, after = backbone.forecast_and_loss(context, target)
    drop = (float(before.asnumpy()) - float(after.asnumpy())) / float(before.asnumpy())
    assert drop == pytest.approx(1e-3, rel=0.2)  # first order: the step is scaled to that drop


@pytest.mark.slow
@EVERY
def test_compiled_loss_and_gradients_equal_those_of_pynative(name):
    backbone = small(name)
    context, target = source(name), frames(2, seed=1)
    parameters = backbone.trainable_parameters()

    def loss(context, target):
        prediction, value = backbone.forecast_and_loss(context, target)
        return value, prediction

    step = ms.value_and_grad(loss, None, parameters, has_aux=True)
    (value, prediction), found = step(context, target)
    (compiled_value, compiled), compiled_found = ms.jit(step)(context, target)
    np.testing.assert_allclose(compiled.asnumpy(), prediction.asnumpy(), atol=1e-6)
    np.testing.assert_allclose(compiled_value.asnumpy(), value.asnumpy(), rtol=1e-6)
    scale = max(np.abs(g.asnumpy()).max() for g in found)
    for a, b in zip(compiled_found, found, strict=True):
        np.testing.assert_allclose(a.asnumpy(), b.asnumpy(), atol=1e-5 * scale)
