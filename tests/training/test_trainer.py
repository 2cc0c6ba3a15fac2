import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mindcast.refusal import Refusal
from mindcast.training.trainer import Trainer
from tests.training import dummy
from tests.training.dummy import SPEC, Arrays, run_settings, trainer
from tests.training.runs import at_call, files, log, spoil

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


def test_a_nan_in_the_first_step_reports_that_nothing_was_saved(tmp_path):
    with pytest.raises(Refusal, match=r"step 1: matrix/loss is not finite; nothing was saved"):
        trainer(tmp_path, run_settings(), at_call(0, spoil)).run()
    assert not (tmp_path / "checkpoints").exists()


def test_a_nan_in_the_validation_stops_before_anything_is_replaced(tmp_path):
    broken = trainer(tmp_path, run_settings(validate_every_steps=2), at_call(4, spoil))
    with pytest.raises(Refusal, match=r"stage fit, step 2: validation/loss is not finite"):
        broken.run()
    assert not (tmp_path / "checkpoints").exists()


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


def test_a_checkpoint_holds_what_made_it(tmp_path):
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


def test_a_preview_is_made_of_a_new_best_and_at_the_end_of_the_first_sample(tmp_path, monkeypatch):
    values = iter([3.0, 2.0, 4.0, 5.0, 6.0])
    validate = Trainer.validate
    monkeypatch.setattr(Trainer, "validate", lambda self: validate(self) | {"loss": next(values)})
    shown = []

    def preview(settings, network, frozen, sample):
        shown.append(sample.input.context)
        return dummy.preview(settings, network, frozen, sample)

    stages = {**SPEC.stages, "fit": replace(SPEC.stages["fit"], preview=preview)}
    settings = run_settings(max_steps=5, validate_every_steps=1)
    made = trainer(tmp_path, settings, replace(SPEC, stages=stages))
    reads = []
    epoch = made.validation.epoch
    made.validation.epoch = lambda *where: reads.append(where) or epoch(*where)
    made.run()
    values = tensorboard_values(tmp_path / "tensorboard" / "fit")
    assert len([v for v in values if v.HasField("image")]) == len(shown) == 3  # steps 1, 2, 5
    for context in shown:
        np.testing.assert_array_equal(context[0], Arrays(3, 100)[0].input.context)
    assert len(reads) == 5  # the validations', no more


def test_an_rmse_is_the_root_of_the_mean_square_over_everything(tmp_path):
    trainer(tmp_path, run_settings(log_every_steps=3)).run()  # validates batches of two and of one
    for record in log(tmp_path):
        prefix = "matrix/" if record["kind"] == "train" else ""
        assert record[f"{prefix}rmse"] == pytest.approx(np.sqrt(record[f"{prefix}loss"]))


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


# -- statistics ------------------------------------------------------------------------------


def test_a_stage_is_calibrated_once_before_its_first_step(tmp_path):
    seen = []

    def calibrate(settings, network, frozen, samples):
        seen.append(sum(len(sample.truth) for sample in samples))

    stages = {**SPEC.stages, "fit": replace(SPEC.stages["fit"], calibrate=calibrate)}
    spec = replace(SPEC, stages=stages)
    trainer(tmp_path, run_settings(), spec=spec).run()
    assert seen == [12]
    longer = trainer(tmp_path, run_settings(max_steps=4), spec=spec)
    longer.restore()
    longer.run()
    assert seen == [12]
