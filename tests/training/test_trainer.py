import itertools
import json
import os
import signal
import struct
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from src.data.pipeline import Batches
from src.refusal import Refusal
from src.training import checkpoint
from src.training.schedule import learning_rate
from src.training.train_step import ObjectiveStep
from src.training.trainer import Trainer
from tests.training import dummy
from tests.training.dummy import SPEC, Arrays, make_spec, run_settings, trainer


class RecordingBatches(Batches):
    """Remembers the keys of every batch that was used."""

    def epoch(self, epoch, start=0, every=1):
        for keys, batch in super().epoch(epoch, start, every):
            self.seen.append(keys.tolist())
            yield keys, batch


def recording(seen, size=2):
    batches = RecordingBatches(Arrays(12), size, seed=0)
    batches.seen = seen
    return batches


def at_call(number, act):
    """A spec whose `number`-th draw of random numbers (from 0) is changed by `act`."""
    calls = itertools.count()

    def draw(settings, rng, count):
        drawn = dummy.draw(settings, rng, count)
        return act(drawn) if next(calls) == number else drawn

    return make_spec(draw)


def terminate(drawn):
    os.kill(os.getpid(), signal.SIGTERM)
    return drawn


def spoil(drawn):
    return tuple(array * np.float32("nan") for array in drawn)


def files(path):
    return {p.name: checkpoint.read(p) for p in sorted((path / "checkpoints").glob("*.ckpt"))}


def log(path):
    """The records of log.jsonl, without the only value that depends on the clock."""
    records = [json.loads(line) for line in (path / "log.jsonl").read_text().splitlines()]
    return [{k: v for k, v in r.items() if k != "seconds_per_step"} for r in records]


def assert_same_files(one, other):
    assert one.keys() == other.keys()
    for name, (arrays, information) in one.items():
        arrays_2, information_2 = other[name]
        assert information == information_2
        assert arrays.keys() == arrays_2.keys()
        for key, array in arrays.items():
            np.testing.assert_array_equal(array, arrays_2[key], err_msg=f"{name} {key}")


# -- resume ---------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["pynative", pytest.param("graph", marks=pytest.mark.slow)])
def test_a_stopped_and_resumed_run_equals_one_that_never_stopped(tmp_path, mode):
    # 7 steps of two micro-batches, three an epoch. The signal comes with the first draw of step 5,
    # so within an epoch and within an interval of the log: 4 steps and the validation after the
    # third step have drawn twice each.
    options = {"max_steps": 7, "ema_decay": 0.9, "log_every_steps": 2, "mode": mode}
    settings = run_settings(**options)
    whole_order, order = [], []
    trainer(tmp_path / "whole", settings, train=recording(whole_order)).run()

    stopped = trainer(
        tmp_path / "parts", settings, at_call(4 * 2 + 2, terminate), train=recording(order)
    )
    with pytest.raises(KeyboardInterrupt) as caught:
        stopped.run()
    assert str(caught.value) == (
        f"Stage fit is saved at step 5/7; continue with --out {tmp_path / 'parts'} --resume"
    )
    resumed = trainer(tmp_path / "parts", settings, train=recording(order))
    resumed.restore()
    assert resumed.position.step == 5
    resumed.run()

    assert order == whole_order
    assert len(order) == 14
    assert_same_files(files(tmp_path / "whole"), files(tmp_path / "parts"))
    assert log(tmp_path / "whole") == log(tmp_path / "parts")


def test_resuming_a_finished_stage_does_nothing(tmp_path):
    settings = run_settings()
    trainer(tmp_path, settings).run()
    before, lines = files(tmp_path), log(tmp_path)
    again = trainer(tmp_path, settings)
    again.restore()
    again.run()
    assert_same_files(before, files(tmp_path))
    assert log(tmp_path) == lines


def test_a_finished_stage_can_be_trained_longer(tmp_path):
    trainer(tmp_path, run_settings(max_steps=2)).run()
    longer = trainer(tmp_path, run_settings(max_steps=4))
    longer.restore()
    longer.run()
    assert [r["step"] for r in log(tmp_path) if r["kind"] == "train"] == [1, 2, 3, 4]


def test_a_signal_during_the_last_step_is_not_forgotten(tmp_path):
    spec = at_call(2 * 2, terminate)
    with pytest.raises(KeyboardInterrupt, match="Stage fit is saved at step 3/3"):
        trainer(tmp_path, run_settings(), spec).run()
    assert {"fit_best.ckpt", "fit_last.ckpt", "fit_state.ckpt"} == files(tmp_path).keys()


@pytest.mark.slow
def test_a_terminated_program_saves_its_state_and_leaves_with_code_130(tmp_path):
    program = (
        "import sys; from src.models import MODELS; from src.cli import main;"
        "MODELS['dummy'] = 'tests.training.dummy'; sys.exit(main(sys.argv[1:]))"
    )
    settings = run_settings(max_steps=100_000, log_every_steps=1, validate_every_steps=50_000)
    tree = settings.model_dump(mode="json")
    tree["data"] |= {"root_dir": str(tmp_path / "data"), "frames_per_event": 2}
    cfg, out = tmp_path / "dummy.yaml", tmp_path / "run"
    cfg.write_text(json.dumps(tree))  # JSON is YAML
    command = [sys.executable, "-c", program, "--device_target", "CPU", "--cfg", cfg, "--out", out]
    process = subprocess.Popen(list(map(str, command)), stderr=subprocess.PIPE, text=True)
    try:
        while process.poll() is None and not (out / "log.jsonl").exists():
            time.sleep(0.05)
        process.terminate()
        told = process.communicate(timeout=60)[1]
    finally:
        process.kill()
    assert process.returncode == 130, told
    last = told.splitlines()[-1]
    assert last.startswith("mindcast: interrupted. Stage fit is saved at step ")
    assert last.endswith(f"/100000; continue with --out {out} --resume")
    assert "Traceback" not in told
    step = log(out)[-1]["step"]
    assert f"step {step}/" in last
    assert files(out)["fit_state.ckpt"][1]["position"]["step"] == step


def test_signal_handlers_are_given_back(tmp_path):
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    trainer(tmp_path, run_settings(max_steps=1)).run()
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before


def test_an_rmse_is_the_root_of_the_mean_square_over_everything(tmp_path):
    trainer(tmp_path, run_settings(log_every_steps=3)).run()  # validates batches of two and of one
    for record in log(tmp_path):
        prefix = "matrix/" if record["kind"] == "train" else ""
        assert record[f"{prefix}rmse"] == pytest.approx(np.sqrt(record[f"{prefix}loss"]))


# -- what is not finite ---------------------------------------------------------------------


def test_a_nan_stops_the_training_and_leaves_the_last_good_checkpoints(tmp_path):
    # each step draws twice and is validated (2 batches), so the third step's first draw is number 8
    options = {"max_steps": 6, "validate_every_steps": 1, "log_every_steps": 10}
    good = trainer(tmp_path / "good", run_settings(**{**options, "max_steps": 2}))
    good.run()
    broken = trainer(tmp_path / "run", run_settings(**options), at_call(8, spoil))
    with pytest.raises(Refusal) as caught:
        broken.run()
    message = str(caught.value)
    assert message.startswith("stage fit, step 3: matrix/loss is not finite; the last good state")
    assert str(tmp_path / "run" / "checkpoints" / "fit_state.ckpt") in message
    assert "lower training.fit.learning_rate and use --resume" in message
    assert "\n" not in message
    for name, (arrays, information) in files(tmp_path / "run").items():
        assert information["position"]["step"] <= 2
        assert all(np.isfinite(array).all() for array in arrays.values()), name


def test_a_nan_in_the_first_step_says_that_nothing_was_saved(tmp_path):
    with pytest.raises(Refusal, match=r"step 1: matrix/loss is not finite; nothing was saved"):
        trainer(tmp_path, run_settings(), at_call(0, spoil)).run()
    assert not (tmp_path / "checkpoints").exists()


def test_a_nan_in_the_validation_stops_before_anything_is_replaced(tmp_path):
    broken = trainer(tmp_path, run_settings(validate_every_steps=2), at_call(4, spoil))
    with pytest.raises(Refusal, match=r"stage fit, step 2: validation/loss is not finite"):
        broken.run()
    assert not (tmp_path / "checkpoints").exists()


# -- the step -------------------------------------------------------------------------------


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


def test_an_objective_rests_until_its_first_step(tmp_path):
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


# -- validation and checkpoints ---------------------------------------------------------------


def test_validation_does_not_change_the_training(tmp_path):
    options = {"max_steps": 4, "ema_decay": 0.9}
    for every in (1, 100):
        settings = run_settings(validate_every_steps=every, **options)
        trainer(tmp_path / str(every), settings).run()
    (often, _), (once, _) = (files(tmp_path / str(n))["fit_state.ckpt"] for n in (1, 100))
    for name, array in often.items():
        np.testing.assert_array_equal(array, once[name], err_msg=name)


def test_the_best_checkpoint_holds_the_averaged_weights(tmp_path):
    trainer(tmp_path, run_settings(ema_decay=0.9, max_steps=3)).run()
    found = files(tmp_path)
    state, best = found["fit_state.ckpt"][0], found["fit_best.ckpt"][0]
    assert set(best) == {"weight", "bias"}
    for name, array in best.items():
        np.testing.assert_array_equal(array, state[f"ema.{name}"])
        assert not np.array_equal(array, state[name])


def test_the_best_checkpoint_is_the_one_with_the_lowest_monitored_value(tmp_path, monkeypatch):
    values = iter([{"loss": 3.0}, {"loss": 1.0}, {"loss": 2.0}])
    monkeypatch.setattr(Trainer, "validate", lambda self: next(values))
    trainer(tmp_path, run_settings(validate_every_steps=1)).run()
    found = files(tmp_path)
    assert found["fit_best.ckpt"][1]["position"] == {"step": 2, "best": 1.0, "best_step": 2}
    assert found["fit_last.ckpt"][1]["position"]["step"] == 3
    assert found["fit_state.ckpt"][1]["position"] == {"step": 3, "best": 1.0, "best_step": 2}


def test_a_checkpoint_says_what_made_it(tmp_path):
    settings = run_settings()
    trainer(tmp_path, settings).run()
    information = files(tmp_path)["fit_best.ckpt"][1]
    assert (information["model"], information["stage"]) == ("dummy", "fit")
    assert information["settings"] == settings.model_dump(mode="json")
    assert information["total_steps"] == 3


# -- what a run shows -------------------------------------------------------------------------


def test_every_line_of_the_log_is_a_record_with_stage_kind_and_step(tmp_path):
    trainer(tmp_path, run_settings(max_steps=3, log_every_steps=2)).run()
    records = log(tmp_path)
    assert [(r["kind"], r["step"]) for r in records] == [
        ("train", 2),
        ("train", 3),
        ("validation", 3),
    ]
    assert all(r["stage"] == "fit" for r in records)
    assert {"matrix/loss", "matrix/gradient_norm", "learning_rate"} <= records[0].keys()
    assert {"loss", "rmse"} <= records[2].keys()


def test_tensorboard_holds_losses_learning_rate_gradient_norm_and_a_picture(tmp_path):
    trainer(tmp_path, run_settings()).run()
    values = list(tensorboard_values(tmp_path / "tensorboard" / "fit"))
    scalars = [v.tag for v in values if v.HasField("simple_value")]
    for tag in ("matrix/loss", "matrix/gradient_norm", "learning_rate"):
        assert scalars.count(f"train/{tag}") == 3
    assert scalars.count("validation/loss") == 1
    (picture,) = [v for v in values if v.HasField("image")]
    assert picture.image.encoded_image_string.startswith(b"\x89PNG")
    logged = [r["matrix/loss"] for r in log(tmp_path) if r["kind"] == "train"]
    drawn = [v.simple_value for v in values if v.tag == "train/matrix/loss"]
    np.testing.assert_allclose(drawn, logged, rtol=1e-6)


def tensorboard_values(folder):
    """The values of event files: records of length (8 bytes), 4 of check sum, text, 4 more."""
    from tensorboardX.proto.event_pb2 import Event

    for path in sorted(Path(folder).iterdir()):
        data, at = path.read_bytes(), 0
        while at < len(data):
            (length,) = struct.unpack_from("<Q", data, at)
            yield from Event.FromString(data[at + 12 : at + 12 + length]).summary.value
            at += length + 16


# -- refusals ---------------------------------------------------------------------------------


def test_fewer_samples_than_a_batch_are_refused(tmp_path):
    with pytest.raises(Refusal) as caught:
        trainer(tmp_path, run_settings(total_batch_size=16))
    assert str(caught.value) == (
        "training.fit.total_batch_size = 16: the train split has only 12 samples; "
        "use a smaller batch"
    )


def test_a_batch_that_micro_batches_do_not_divide_is_refused():
    with pytest.raises(ValueError, match="total_batch_size = 4 is not a multiple of"):
        run_settings(micro_batch_size=3)


# -- statistics and rates -------------------------------------------------------------------


def test_a_stage_is_calibrated_once_before_its_first_step(tmp_path):
    seen = []

    def calibrate(settings, network, frozen, samples):
        seen.append(sum(len(arrays[0]) for arrays in samples))

    stages = {**SPEC.stages, "fit": replace(SPEC.stages["fit"], calibrate=calibrate)}
    spec = replace(SPEC, stages=stages)
    trainer(tmp_path, run_settings(), spec=spec).run()
    assert seen == [12]
    longer = trainer(tmp_path, run_settings(max_steps=4), spec=spec)
    longer.restore()
    longer.run()
    assert seen == [12]


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
