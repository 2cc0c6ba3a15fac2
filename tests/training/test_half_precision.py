"""The rules of a training whose loss is scaled, on the dummy, whose products stay float32."""

import logging

import numpy as np
import pytest

from mindcast.config.schema import Runtime
from mindcast.refusal import Refusal
from tests.training.dummy import run_settings, trainer
from tests.training.runs import assert_same_files, at_call, files, log, terminate


def settings_of(precision="float16", mode="pynative", **training):
    settings = run_settings(mode=mode, **training)
    return settings.model_copy(update={"runtime": Runtime(mode=mode, precision=precision)})


class Overflowing:
    """Stands for the check of a device: tells an overflow at the steps that are asked for."""

    def __init__(self, training, *steps):
        self.steps, self.calls = steps, 0
        step = training.steps[0]
        self.inner, step._overflowed = step._overflowed, self

    def __call__(self, gradients):
        self.calls += 1
        return self.inner(gradients) or self.calls - 1 in self.steps


def weights(training):
    return [p.asnumpy().copy() for p in training.network.get_parameters()]


@pytest.mark.parametrize("mode", ["pynative", pytest.param("graph", marks=pytest.mark.slow)])
def test_a_scaled_loss_trains_as_an_unscaled_one(tmp_path, mode):
    # a power of two is exact in float32, so nothing but the scale's own entries may differ
    for precision in ("float32", "float16"):
        trainer(tmp_path / precision, settings_of(precision, mode, ema_decay=0.9)).run()
    one, other = (files(tmp_path / precision) for precision in ("float32", "float16"))
    assert one.keys() == other.keys()
    for name in one:
        for key, array in one[name][0].items():
            np.testing.assert_array_equal(array, other[name][0][key], err_msg=f"{name} {key}")
    told = {key for record in log(tmp_path / "float16") for key in record if "loss_scale" in key}
    assert told == {"matrix/loss_scale", "critic/loss_scale"}
    assert not any("loss_scale" in key for record in log(tmp_path / "float32") for key in record)


def test_gradients_that_are_not_finite_move_nothing_and_halve_the_scale(tmp_path, caplog):
    # float32 ends at 3.4e38 = 2^128: a loss of 1e30 times 2^40 is beyond it
    settings = settings_of(noise=1e15, loss_scale=2.0**40, max_steps=1, ema_decay=0.5)
    training = trainer(tmp_path, settings)
    before, shadows = weights(training), [p.asnumpy() for p in training.steps[0].state()]
    with caplog.at_level(logging.INFO):
        values = training._optimise(*next(training._batches()))
    for old, new in zip(before, weights(training), strict=True):
        np.testing.assert_array_equal(old, new)
    for old, new in zip(shadows, training.steps[0].state(), strict=True):
        np.testing.assert_array_equal(old, new.asnumpy())
    assert training.steps[0].loss_scale.saved() == {"value": 2.0**39, "good": 0, "skipped": 1}
    assert {name: float(value.asnumpy()) for name, value in values.items()} == {
        "matrix/loss_scale": 2.0**40
    }
    (line,) = [record.getMessage() for record in caplog.records]
    assert line == (
        "fit step 1: gradients beyond float16; step skipped, "
        f"loss scale matrix {2.0**40:g} -> {2.0**39:g}"
    )


def test_adam_and_the_average_count_from_the_first_step_that_moved_something(tmp_path):
    # Adam's first step is learning_rate g / (|g| + eps), whatever was skipped before; the schedule
    # has gone on by then: warm-up over 4 of 10 steps from a tenth, so the third has 0.55e-2
    settings = settings_of(max_steps=10, warmup_fraction=0.4, noise=0.0)
    training = trainer(tmp_path, settings)
    Overflowing(training, 0, 1)
    source = training._batches()
    before = training.network.weight.asnumpy().copy()
    for _ in range(2):
        training._optimise(*next(source))
    np.testing.assert_array_equal(training.network.weight.asnumpy(), before)
    training._optimise(*next(source))
    moved = np.abs(training.network.weight.asnumpy() - before)
    np.testing.assert_allclose(moved, 0.55e-2, rtol=1e-3)


def test_a_resumed_run_goes_on_with_the_scale_bit_for_bit(tmp_path):
    options = {"max_steps": 7, "ema_decay": 0.9, "log_every_steps": 2}
    settings = settings_of(**options, loss_scale=1024.0, loss_scale_growth_steps=2)
    whole = trainer(tmp_path / "whole", settings)
    Overflowing(whole, 1, 4)
    whole.run()

    stopped = trainer(tmp_path / "parts", settings, at_call(4 * 2 + 2, terminate))
    Overflowing(stopped, 1, 4)
    with pytest.raises(KeyboardInterrupt):
        stopped.run()
    resumed = trainer(tmp_path / "parts", settings)
    resumed.restore()
    assert resumed.steps[0].loss_scale == stopped.steps[0].loss_scale
    resumed.run()
    assert_same_files(files(tmp_path / "whole"), files(tmp_path / "parts"))
    assert log(tmp_path / "whole") == log(tmp_path / "parts")
    # 1024, halved at the second step, doubled after two good ones, halved at the fifth, doubled
    # after the sixth and seventh
    assert whole.steps[0].loss_scale.saved() == {"value": 1024.0, "good": 0, "skipped": 2}


def test_a_run_in_float32_goes_on_in_float16_and_back(tmp_path):
    stopped = trainer(tmp_path, settings_of("float32", max_steps=6), at_call(4, terminate))
    with pytest.raises(KeyboardInterrupt):
        stopped.run()
    for precision, steps in (("float16", 4), ("float32", 6)):
        settings = settings_of(precision, max_steps=steps)
        resumed = trainer(tmp_path, settings)
        resumed.restore()
        resumed.run()
    assert resumed.position.step == 6


def test_a_network_that_overflows_at_every_scale_is_refused(tmp_path):
    training = trainer(tmp_path, settings_of(loss_scale=2.0, max_steps=9))
    Overflowing(training, *range(9))
    with pytest.raises(Refusal) as caught:
        training.run()
    assert str(caught.value).startswith("stage fit, step 2: the gradient, even at loss scale 1, is")
    assert "set runtime.precision to float32" in str(caught.value)
