"""Every stage of every model in float16, and with its blocks computed again for the gradient."""

import math
from itertools import count

import mindspore as ms
import numpy as np
import pytest

from mindcast.compiled import arguments
from mindcast.compiled import compiled as through_the_door
from mindcast.layers.convolution import Conv2d, Conv3d
from mindcast.layers.dense import Dense
from mindcast.layers.norm import running_statistics
from mindcast.layers.precision import LowerProduct, lower
from mindcast.models import MODELS
from mindcast.training.recomputation import recompute
from mindcast.training.train_step import ObjectiveStep
from tests.contract.models import (
    batch,
    build_networks,
    build_stage,
    forecaster_of,
    input_and_truth,
    settings_of,
    shaken,
    spec_of,
)

KEY = 4
OVERFLOWING, USUAL = 2.0**40, 2.0**16
STAGES = [(model, name) for model in MODELS for name in spec_of(model).stages]
COMPILED = [("geodiff", "deterministic")]


def stirred(cells):
    """Add a little noise around zero to every parameter, so that what starts at zero does not."""
    rng = np.random.default_rng(4)
    for parameter in {id(p): p for cell in cells for p in cell.get_parameters()}.values():
        noise = 0.02 * rng.standard_normal(parameter.shape).astype(np.float32)
        parameter.set_data(parameter.value() + ms.Tensor(noise))


@pytest.mark.slow
@pytest.mark.parametrize(("model", "name"), STAGES)
def test_a_stage_trains_in_float16_and_skips_a_step_that_overflows(model, name):
    _, network, frozen, objectives = build_stage(model, name)
    everything = (network, *frozen.values())
    for cell in everything:
        lower(cell, "float16")
    stirred(everything)
    options = settings_of(model).training[name]
    inputs = batch(model, spec_of(model).stages[name], frozen)
    for objective in objectives:
        step = ObjectiveStep(objective, options, (), False, tuple(frozen.values()), scaled=True)
        first = objective.phases[0][0]
        before = [p.asnumpy().copy() for p in objective.parameters]
        step.loss_scale.value = OVERFLOWING
        numbers = count(first)
        told = step.run(next(numbers), [inputs], 1e-3)
        if objective is objectives[0]:  # the discriminator, part of the loss, is in float32
            assert list(told) == ["loss_scale"]
            for old, parameter in zip(before, objective.parameters, strict=True):
                np.testing.assert_array_equal(old, parameter.asnumpy())
        step.loss_scale.value = USUAL
        values: dict[str, ms.Tensor] = {}
        while "gradient_norm" not in values:  # at most 16 times: then the scale is exhausted
            values = step.run(next(numbers), [inputs], 1e-3)
            assert not step.loss_scale.exhausted
        assert all(math.isfinite(float(v.asnumpy())) for v in values.values()), values
        assert all(parameter.dtype == ms.float32 for parameter in objective.parameters)
        pairs = zip(before, objective.parameters, strict=True)
        moved = [not np.array_equal(old, parameter.asnumpy()) for old, parameter in pairs]
        assert sum(moved) > 0.8 * len(moved)  # a bias may have no gradient, as the judge's last


@pytest.mark.slow
@pytest.mark.parametrize("model", MODELS)
def test_forecasts_in_float16_are_close_to_those_in_float32(model):
    made = []
    for number_type in ("float32", "float16"):
        networks = build_networks(model, spec_of(model).stages)
        stirred(networks.values())
        for network in networks.values():
            lower(network, number_type)
        forecaster = forecaster_of(model, networks)
        given, truth = input_and_truth(model)
        made.append(
            {m: forecaster.forecast(m, given, (KEY,), 2, truth) for m in forecaster.methods}
        )
    for method, exact in made[0].items():
        assert made[1][method].dtype == np.float32
        error = np.abs(made[1][method] - exact)
        # operands are off by at most 2^-11 = 5e-4 of themselves
        assert error.max() <= 1e-2 * np.ptp(exact), method
        assert error.max() > 0, method


def test_every_dense_layer_and_convolution_of_every_network_is_lowered():
    for model in MODELS:
        for name, network in build_networks(model, spec_of(model).stages).items():
            lower(network, "float16")
            for path, cell in network.cells_and_names():
                if isinstance(cell, Dense):
                    assert isinstance(cell.product, LowerProduct), (model, name, path)
                elif isinstance(cell, Conv2d | Conv3d):
                    inside = [c for _, c in cell.cells_and_names()]
                    assert any(isinstance(c, LowerProduct) for c in inside), (model, name, path)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "name", "compiled"),
    [*((*case, False) for case in STAGES), *((*case, True) for case in COMPILED)],
)
def test_blocks_computed_again_give_the_same_loss_and_gradients(model, name, compiled):
    found = []
    for again in (False, True):
        stage, network, frozen, objectives = build_stage(model, name)
        shaken([network])
        if again:
            assert recompute(network, stage.blocks()) > 1
        inputs = batch(model, stage, frozen)
        cell, weights = objectives[0].phases[0][1], objectives[0].parameters
        cell.set_train(True)
        for other in frozen.values():
            other.set_train(False)
        function = ms.value_and_grad(cell, None, ms.ParameterTuple(weights), has_aux=True)
        function = through_the_door(function, compiled)
        (loss, *_), gradients = function(*arguments(cell, inputs))
        found.append((float(loss.asnumpy()), [g.asnumpy() for g in gradients]))
    (loss, gradients), (loss_again, gradients_again) = found
    assert loss == loss_again
    for one, other in zip(gradients, gradients_again, strict=True):
        # equal but for the order in which the gradients of what several blocks take are added up
        assert np.abs(one - other).max() <= 1e-5 * np.abs(one).max() + 1e-12


@pytest.mark.parametrize(("model", "name"), STAGES)
def test_no_block_moves_statistics_which_would_move_twice(model, name):
    stage, network, _, _ = build_stage(model, name)
    for _, cell in network.cells_and_names():
        if isinstance(cell, stage.blocks()):
            assert not running_statistics(cell)
