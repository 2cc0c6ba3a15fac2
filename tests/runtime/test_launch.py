"""Runs of two real processes on this machine."""

import json
import signal
import socket
import subprocess
import sys
import time

import numpy as np
import psutil
import pytest

from mindcast.training import checkpoint

pytestmark = pytest.mark.slow

STEPS, STOP_AFTER = 5, 2
TRAIN = (
    "--cfg",
    "configs/smoke/geodiff.yaml",
    "--mode",
    "train",
    "--stage",
    "deterministic",
    "--set",
    "training.deterministic.total_batch_size=4",
    "--set",
    f"training.deterministic.max_steps={STEPS}",
    "--set",
    "training.deterministic.validation_batches=0",
    "--set",
    "data.time_shares=[0.5,0.17,0.33]",
    "--set",
    "model.deterministic.multiples=[1]",
    "--set",
    "data.states=9",
    "--set",
    "evaluation.max_samples=3",
)
TWO = ("--devices", "2")

# stands for main.py: what its second process does is the test's business
STAND_IN = """
import os, signal, sys, time
from mindcast.cli import main
if os.environ.get("MS_NODE_ID") == "1":
    {second}
if os.environ.get("MS_NODE_ID") == "0":
    time.sleep(60)
sys.exit(main())
"""


def start(*arguments, program="main.py", **options):
    command = [sys.executable, program, "--device_target", "CPU", *map(str, arguments)]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options
    )


def passed(*arguments):
    process = start(*arguments)
    told, complained = process.communicate()
    assert process.returncode == 0, complained[-3000:]
    assert "Traceback" not in complained
    return told


def log(out):
    path = out / "log.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def processes_of(out):
    found = psutil.process_iter(["cmdline"])
    return [p for p in found if str(out) in (p.info["cmdline"] or ())]


def require_same_weights(out, other):
    for name in ("deterministic_best", "deterministic_state"):
        (arrays, told), (expected, information) = (
            checkpoint.read(run / "checkpoints" / f"{name}.ckpt") for run in (out, other)
        )
        assert told["position"]["step"] == information["position"]["step"]
        for key, array in expected.items():
            np.testing.assert_allclose(arrays[key], array, rtol=1e-6, atol=1e-6, err_msg=key)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("launch")


@pytest.fixture(scope="module")
def data(folder):
    return "--set", f"data.root_dir={folder / 'data'}"


@pytest.fixture(scope="module")
def alone(folder, data):
    """A run of one process."""
    passed(*TRAIN, *data, "--out", folder / "alone")
    return folder / "alone"


@pytest.fixture(scope="module")
def stopped(folder, data, alone):
    """A run of two, stopped by SIGTERM; with what it said and how it ended."""
    out = folder / "stopped"
    process = start(*TRAIN, *data, "--out", out, *TWO)
    while process.poll() is None and len(log(out)) < STOP_AFTER:
        time.sleep(0.05)
    process.terminate()
    _, complained = process.communicate(timeout=120)
    return out, process.returncode, complained


def test_a_run_of_two_saves_its_state_when_stopped_and_leaves_no_process(stopped):
    out, code, complained = stopped
    assert code == 143, complained[-3000:]
    last = complained.splitlines()[-1]
    assert last.startswith("mindcast: interrupted. Stage deterministic is saved at step ")
    assert last.endswith(f"/{STEPS}; continue with --out {out} --resume")
    assert "Traceback" not in complained
    assert processes_of(out) == []


def test_two_processes_that_one_continues_give_the_numbers_of_one(stopped, alone):
    out, *_ = stopped
    passed("--mode", "train", "--stage", "deterministic", "--out", out, "--resume")
    require_same_weights(out, alone)
    records = log(alone)
    assert len(records) == len(log(out)) >= STEPS
    for record, other in zip(records, log(out), strict=True):
        for key, value in record.items():
            if isinstance(value, float) and key != "seconds_per_step":
                assert other[key] == pytest.approx(value, rel=1e-5, abs=1e-6), key


def test_two_nodes_meet_and_give_the_numbers_of_one_process(folder, data, alone):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        master = f"127.0.0.1:{probe.getsockname()[1]}"
    out = folder / "nodes"
    nodes = [
        start(*TRAIN, *data, "--out", out, "--nodes", 2, "--nr", nr, "--master", master)
        for nr in (1, 0)
    ]
    told = [node.communicate(timeout=300)[0] for node in nodes]
    assert [node.returncode for node in nodes] == [0, 0]
    assert told[0] == f"mindcast: node 1 of 2, meeting at {master}\n"
    assert told[1].endswith(f"checkpoints are in {out / 'checkpoints'}\n")
    require_same_weights(out, alone)


def test_two_processes_score_as_one(alone):
    for processes in ((), TWO):
        passed("--mode", "test", "--out", alone, *processes)
    one, two = ((alone / r / "scores.csv").read_text() for r in ("report", "report_2"))
    assert one == two
    result = json.loads((alone / "report_2" / "scores.json").read_text())
    cases = [row["cases"] for row in result["rows"].values()]
    assert set(cases) == {3}  # two of one process, one of the other


def test_a_refusal_of_two_processes_is_one_line_and_changes_nothing(data, alone):
    before = {p: p.stat().st_mtime_ns for p in alone.rglob("*")}
    process = start(*TRAIN, *data, "--out", alone, *TWO)
    _, complained = process.communicate()
    assert process.returncode == 2
    assert complained.splitlines() == [
        f"mindcast: --out {alone}: holds a run; continue it with --resume or choose another folder"
    ]
    assert {p: p.stat().st_mtime_ns for p in alone.rglob("*")} == before


@pytest.mark.parametrize("taken", [True, False])
def test_a_port_that_cannot_be_had_is_refused_at_once(tmp_path, taken):
    with socket.socket() as other:
        other.bind(("", 0))
        other.listen()
        port = other.getsockname()[1] if taken else 99999
        process = start(*TRAIN, "--out", tmp_path / "run", *TWO, "--master", f"127.0.0.1:{port}")
        _, complained = process.communicate(timeout=50)
    assert process.returncode == 2
    assert complained.startswith(f"mindcast: --master 127.0.0.1:{port}: port {port} cannot be used")
    assert complained.count("\n") == 1
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("second", "code", "told"),
    [
        ("print('mindcast: no file', file=sys.stderr); sys.exit(2)", 2, "mindcast: no file"),
        ("os.kill(os.getpid(), signal.SIGKILL)", 1, "mindcast: process 1 was ended by SIGKILL"),
    ],
)
def test_the_output_of_a_process_that_fails_is_shown_and_the_others_end(
    tmp_path, second, code, told
):
    program = tmp_path / "stand_in.py"
    program.write_text(STAND_IN.format(second=second))
    out = tmp_path / "run"
    process = start(*TRAIN, "--out", out, *TWO, program=program)
    _, complained = process.communicate(timeout=50)
    assert process.returncode == code
    assert complained.strip() == told
    assert processes_of(out) == []


def test_processes_stop_when_their_launcher_is_killed(folder, data, alone):
    out = folder / "orphans"
    process = start(
        *TRAIN, *data, "--set", "training.deterministic.max_steps=1000", "--out", out, *TWO
    )
    while process.poll() is None and not log(out):
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    deadline = time.monotonic() + 60
    while processes_of(out) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert processes_of(out) == []
    assert (out / "checkpoints" / "deterministic_state.ckpt").is_file()
