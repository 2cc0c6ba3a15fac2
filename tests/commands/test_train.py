import pytest

from mindcast.cli import main
from mindcast.runtime.run_lock import locked

SMOKE = "configs/smoke/diffcast.yaml"


@pytest.fixture(autouse=True)
def _in_this_process(monkeypatch):
    # MindSpore's device is chosen once a process, the run's logger takes pytest's handlers away
    monkeypatch.setattr("mindcast.runtime.device.start", lambda *_: "CPU")
    monkeypatch.setattr("mindcast.runtime.logging.open_log", lambda path: None)


def line(folder, *options):
    data = f"data.root_dir={folder / 'data'}"
    out = ("--stage", "backbone", "--out", str(folder / "run"))
    return ["--device_target", "CPU", *out, "--set", data, *options]


def contents(folder):
    return {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def train(folder, *options):
    assert main([*line(folder, *options)]) == 0


@pytest.mark.slow
def test_a_second_training_in_a_folder_is_refused_and_changes_nothing(tmp_path, capsys):
    train(tmp_path, "--cfg", SMOKE)
    longer = ("--resume", "--set", "training.backbone.max_steps=3")
    with locked(tmp_path / "run", "the first", ""):
        before = contents(tmp_path)
        assert main(line(tmp_path, *longer)) == 2
        assert contents(tmp_path) == before
    said = capsys.readouterr().err.splitlines()[-1]
    assert said.startswith(f"mindcast: --out {tmp_path / 'run'}: is in use by process ")
    train(tmp_path, *longer)


@pytest.mark.slow
def test_a_resume_goes_on_with_the_settings_of_the_one_before(tmp_path, monkeypatch):
    train(tmp_path, "--cfg", SMOKE)
    longer = ("--resume", "--set", "training.backbone.max_steps=5")
    with monkeypatch.context() as stopped:
        stopped.setattr("mindcast.training.trainer.Trainer.run", lambda self: None)
        train(tmp_path, *longer)
    train(tmp_path, "--resume")
    steps = [line for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert '"step": 5' in steps[-1]
