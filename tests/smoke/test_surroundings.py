"""The whole program where its streams are closed and where it is interrupted."""

import shlex
import shutil
import signal
import subprocess
import sys
import time

import pytest

from tests.untrained import untrained_run

pytestmark = pytest.mark.slow

MAIN = [sys.executable, "main.py", "--device_target", "CPU"]
LONG = ["sampling.members=8", "model.diffusion.timesteps=50", "sampling.steps=50"]


@pytest.fixture(scope="module")
def ready(tmp_path_factory):
    folder = tmp_path_factory.mktemp("surroundings")
    return untrained_run(folder / "run", "geodiff", (f"data.root_dir={folder / 'data'}",))


@pytest.fixture
def run(ready, tmp_path):
    shutil.copytree(ready, tmp_path / "run")
    return tmp_path / "run"


@pytest.mark.parametrize("output", ["| head -1", ">&- 2>&-"])
def test_scores_and_pictures_are_made_whatever_takes_the_output(output, run):
    command = shlex.join([*MAIN, "--mode", "test", "--out", str(run)])
    shell = f"set -o pipefail; {command} --set evaluation.methods=[geodiff-det] {output}"
    done = subprocess.run(["bash", "-c", shell], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "Error" not in done.stderr
    assert (run / "report" / "scores.json").is_file()
    assert list((run / "figures").glob("*.png"))


@pytest.mark.parametrize(
    ("number", "code", "moment"),
    [
        (signal.SIGINT, 130, "forecast"),
        (signal.SIGTERM, 143, "forecast"),
        (signal.SIGINT, 130, "import"),
    ],
)
def test_an_interrupted_test_is_one_line_and_its_exit_code(number, code, moment, run, tmp_path):
    options = [part for setting in LONG for part in ("--set", setting)]
    log = tmp_path / "log"
    with open(log, "w") as output:
        command = [*MAIN, "--mode", "test", "--out", str(run), *options]
        process = subprocess.Popen(command, stdout=output, stderr=output)
    deadline = time.monotonic() + 300  # beside other work an import takes a minute
    while moment == "forecast" and " 2/400 " not in log.read_text():
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.1)
    time.sleep(1.5 if moment == "import" else 0)
    process.send_signal(number)
    assert process.wait(timeout=60) == code
    lines = log.read_text().splitlines()
    assert lines[-1].startswith("mindcast: interrupted. ")
    assert not [line for line in lines if "Traceback" in line or "whole checkpoint" in line]
