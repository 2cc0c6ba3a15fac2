"""One step of one objective."""

from dataclasses import replace

import numpy as np
import pytest

from mindcast.training.schedule import learning_rate
from mindcast.training.train_step import ObjectiveStep
from tests.training.dummy import run_settings, trainer
from tests.training.runs import at_call, files, log, terminate


def test_two_micro_batches_of_two_equal_one_batch_of_four(tmp_path):
    for size in (2, 4):
        settings = run_settings(noise=0.0, micro_batch_size=size, clip_norm=0.1)
        trainer(tmp_path / str(size), settings).run()
    (two, _), (four, _) = (files(tmp_path / str(size))["fit_state.ckpt"] for size in (2, 4))
    assert two.keys() == four.keys()
    for name, array in two.items():
        np.testing.assert_allclose(array, four[name], rtol=1e-4, atol=1e-6, err_msg=name)


def test_the_first_adam_step_moves_every_weight_by_the_learning_rate_of_the_schedule(tmp_path):
    # Adam's first step is learning_rate g / (|g| + eps); warm-up over 4 of 10 steps from a tenth
    settings = run_settings(max_steps=10, warmup_fraction=0.4, validate_every_steps=1)
    stopped = trainer(tmp_path, settings, at_call(0, terminate))
    before = stopped.network.weight.asnumpy().copy()
    with pytest.raises(KeyboardInterrupt):
        stopped.run()
    moved = np.abs(stopped.network.weight.asnumpy() - before)
    np.testing.assert_allclose(moved, 1e-3, rtol=1e-3)


def test_the_logged_learning_rate_follows_the_schedule(tmp_path):
    trainer(tmp_path, run_settings(max_steps=5, warmup_fraction=0.4, final_ratio=0.5)).run()
    logged = [r["learning_rate"] for r in log(tmp_path) if r["kind"] == "train"]
    expected = [learning_rate(k, 5, 1e-2, warmup_fraction=0.4, floor=0.5) for k in range(5)]
    assert logged == expected


def test_an_objective_is_inactive_until_its_first_step(tmp_path):
    trainer(tmp_path, run_settings(max_steps=3)).run()
    sizes = ["critic/size" in r for r in log(tmp_path) if r["kind"] == "train"]
    assert sizes == [False, False, True]


def test_a_frozen_network_keeps_its_weights_and_its_evaluation_mode(tmp_path):
    from tests.training.dummy_cells import Matrix

    frozen = Matrix()
    for parameter in frozen.get_parameters():
        parameter.requires_grad = False
    frozen.set_train(False)
    before = [p.asnumpy().copy() for p in frozen.get_parameters()]
    second = trainer(tmp_path, run_settings(), stage="refine", frozen={"fit": frozen})
    second._optimise(*next(second._batches()))
    assert second.network.training
    assert not frozen.training
    second.run()
    for parameter, values in zip(frozen.get_parameters(), before, strict=True):
        np.testing.assert_array_equal(parameter.asnumpy(), values)
    assert set(files(tmp_path)["refine_last.ckpt"][0]) == {"fine_weight", "fine_bias"}


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("factors", [(), (1.0, 0.1), (0.1, 0.1)])
def test_an_objective_s_rate_factors_scale_the_steps_of_single_parameters(
    tmp_path, factors, compiled
):
    training = trainer(tmp_path, run_settings())
    objective = replace(training.steps[0].objective, rate_factors=factors)
    step = ObjectiveStep(objective, training.options, (), compiled)
    weight, bias = objective.parameters
    before = weight.asnumpy().copy(), bias.asnumpy().copy()
    batch = next(training._batches())[1][0]
    step.run(0, [batch], 1e-2)
    for parameter, old, factor in zip((weight, bias), before, factors or (1, 1), strict=True):
        # the first step of Adam is lr g / |g|
        moved = np.abs(parameter.asnumpy() - old)
        np.testing.assert_allclose(moved, 1e-2 * factor, rtol=1e-3)
    assert [p.name for p in step.state()[-4:]] in (
        [f"matrix.moment{k}.{p}" for k in (1, 2) for p in ("weight", "bias")],
        [f"matrix.moment{k}.{p}" for p in ("weight", "bias") for k in (1, 2)],
    )
