"""Stopping and going on."""

import json
import signal
import struct
import subprocess
import sys
import time

import mindspore as ms
import pytest

from mindcast.data.pipeline import Batches
from mindcast.refusal import Refusal
from mindcast.training import checkpoint
from tests.training.dummy import Arrays, run_settings, trainer
from tests.training.runs import assert_same_files, at_call, files, log, recording, terminate


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


class Unreadable(Arrays):
    """Arrays of which one cannot be read for a while."""

    def __init__(self, count, bad, offset=0):
        super().__init__(count, offset)
        self.bad = bad

    def __getitem__(self, i):
        if i == self.bad:
            raise Refusal(f"sample {i} cannot be read")
        return super().__getitem__(i)


@pytest.mark.parametrize("split", ["train", "validation"])
def test_a_sample_that_cannot_be_read_costs_no_step(tmp_path, split):
    settings = run_settings(max_steps=5, ema_decay=0.9, validate_every_steps=2)
    trainer(tmp_path / "whole", settings).run()

    # in the second micro-batch of the third step; a validation comes first after the second step
    bad = int(Batches(Arrays(12), 2, seed=0)._order(0)[2 * 4 + 2]) if split == "train" else 1
    read = {
        "train": Batches(Unreadable(12, bad), 2, seed=0),
        "validation": Batches(Unreadable(3, bad, 100), 2, 0, shuffle=False, drop_remainder=False),
    }
    with pytest.raises(Refusal, match=rf"sample {bad} cannot .* is saved at step 2/5"):
        trainer(tmp_path / "parts", settings, **{split: read[split]}).run()
    resumed = trainer(tmp_path / "parts", settings)
    resumed.restore()
    assert resumed.position.step > 0
    resumed.run()
    assert_same_files(files(tmp_path / "whole"), files(tmp_path / "parts"))


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


def test_a_run_that_was_killed_logs_no_step_twice(tmp_path):
    # saved at step 3; killed in step 6, which draws twice as all do, the validation 2 times more
    options = {"max_steps": 7, "validate_every_steps": 3, "log_every_steps": 1}
    trainer(tmp_path / "whole", run_settings(**options)).run()

    class Killed(BaseException):
        pass

    def kill(drawn):
        raise Killed

    with pytest.raises(Killed):
        trainer(tmp_path / "run", run_settings(**options), at_call(5 * 2 + 2, kill)).run()
    assert [r["step"] for r in log(tmp_path / "run") if r["kind"] == "train"] == [1, 2, 3, 4, 5]
    with (tmp_path / "run" / "log.jsonl").open("a") as file:
        file.write('{"stage": "fit", "kind": "tr')
    again = trainer(tmp_path / "run", run_settings(**options))
    again.restore()
    assert again.position.step == 3
    again.run()
    assert log(tmp_path / "run") == log(tmp_path / "whole")
    assert_same_files(files(tmp_path / "run"), files(tmp_path / "whole"))
    # TensorBoard hides what an earlier file holds from the step on that a later one begins with
    assert first_steps(tmp_path / "run" / "tensorboard" / "fit")[-1] == 4


def first_steps(folder):
    """The step of the second record of each file, after that of its version: where it begins."""
    from tensorboardX.proto.event_pb2 import Event, SessionLog

    steps = []
    for path in sorted(folder.iterdir(), key=lambda path: path.stat().st_mtime_ns):
        events = [Event.FromString(text) for text in records(path.read_bytes())]
        begins = [e.step for e in events if e.session_log.status == SessionLog.START]
        steps += begins or [0]
    return steps


def records(data):
    """Each has its length (8 bytes) and a check sum (4) in front and another one behind."""
    at = 0
    while at < len(data):
        (length,) = struct.unpack_from("<Q", data, at)
        yield data[at + 12 : at + 12 + length]
        at += length + 16


def test_records_of_a_stage_without_a_state_are_taken_out_when_it_begins_again(tmp_path):
    trainer(tmp_path, run_settings(max_steps=2)).run()
    for path in (tmp_path / "checkpoints").iterdir():
        path.unlink()
    again = trainer(tmp_path, run_settings(max_steps=1))
    again.restore()
    again.run()
    assert [(r["kind"], r["step"]) for r in log(tmp_path)] == [("train", 1), ("validation", 1)]


def test_networks_whose_state_is_lost_are_kept_and_the_stage_begins_anew(tmp_path, capsys):
    trainer(tmp_path, run_settings(max_steps=2)).run()
    before = {path.name: path.read_bytes() for path in (tmp_path / "checkpoints").iterdir()}
    for _ in range(2):  # the second time it was killed before its first state
        (tmp_path / "checkpoints" / "fit_state.ckpt").unlink()
        again = trainer(tmp_path, run_settings(max_steps=1))
        again.restore()
        again.run()
    told = capsys.readouterr().err.splitlines()
    said = [line for line in told if line.startswith("mindcast: ")]
    assert said == [
        "mindcast: stage fit begins anew, there is no fit_state.ckpt; what it trained before is "
        "kept as fit_best_before.ckpt and fit_last_before.ckpt"
    ]
    for which in ("best", "last"):
        kept = tmp_path / "checkpoints" / f"fit_{which}_before.ckpt"
        assert kept.read_bytes() == before[f"fit_{which}.ckpt"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"position": None}, "does not say after how many steps"),
        ({"position": {"step": 1}}, "is no state of a training"),
        ({"pending": [[1]]}, "is no state of a training"),
        ({"stage": "refine"}, "holds dummy/refine, expected dummy/fit"),
    ],
)
def test_a_state_that_was_changed_is_refused(tmp_path, change, words):
    settings = run_settings(max_steps=1)
    trainer(tmp_path, settings).run()
    path = tmp_path / "checkpoints" / "fit_state.ckpt"
    arrays, information = checkpoint.read(path)
    parameters = [ms.Parameter(ms.Tensor(array), name=name) for name, array in arrays.items()]
    checkpoint.save(path, parameters, {**information, **change})
    with pytest.raises(Refusal, match=words):
        trainer(tmp_path, settings).restore()


def test_a_state_of_other_settings_is_refused(tmp_path):
    trainer(tmp_path, run_settings(max_steps=1)).run()
    with pytest.raises(
        Refusal, match=r"fit_state\.ckpt: was made with model\.noise = 0\.1, not 0\.5"
    ):
        trainer(tmp_path, run_settings(noise=0.5, max_steps=1)).restore()


def test_a_signal_during_the_last_step_is_not_forgotten(tmp_path):
    spec = at_call(2 * 2, terminate)
    with pytest.raises(KeyboardInterrupt, match="Stage fit is saved at step 3/3"):
        trainer(tmp_path, run_settings(), spec).run()
    assert {"fit_best.ckpt", "fit_last.ckpt", "fit_state.ckpt"} == files(tmp_path).keys()


@pytest.mark.slow
def test_a_terminated_program_saves_its_state_and_leaves_with_code_130(tmp_path):
    program = (
        "import sys; from mindcast.models import MODELS; from mindcast.cli import main;"
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
