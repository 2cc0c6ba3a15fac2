from pathlib import Path

import pytest

from mindcast.cli import parse
from mindcast.commands.request import read_settings
from mindcast.config.loader import to_yaml
from mindcast.refusal import Refusal
from mindcast.runtime import run_folder
from mindcast.settings import load_settings

SMOKE = "configs/smoke/diffcast.yaml"


@pytest.fixture
def runs(tmp_path):
    run_folder.create(tmp_path / "run", load_settings(SMOKE))
    return tmp_path


def asked(*arguments):
    return read_settings(parse([str(a) for a in arguments]))


def refused(*arguments):
    with pytest.raises(Refusal) as caught:
        asked(*arguments)
    return str(caught.value)


@pytest.mark.parametrize(
    "options",
    [
        ["--mode", "test"],
        ["--mode", "test", "--set", "data={name: temperature, root_dir: x}"],  # of another task
        ["--mode", "test", "--set", "sampling.members=3"],
        ["--mode", "test", "--cfg", SMOKE],
        ["--mode", "test", "--set", "ckpt_path="],
        ["--mode", "test", "--resume"],
        ["--mode", "test", "--resume", "--set", "ckpt_path=some.ckpt"],
        ["--resume"],
        ["--resume", "--set", "no.such.key=1"],
        ["--resume", "--cfg", SMOKE],
    ],
)
def test_a_mistyped_run_folder_is_named_with_the_one_that_was_meant(runs, options):
    message = refused(*options, "--out", runs / "rnu")
    assert message == f"--out {runs / 'rnu'}: no such run, did you mean {runs / 'run'}?"
    assert [path.name for path in runs.iterdir()] == ["run"]


def test_a_relative_folder_is_named_as_it_was_given(runs, monkeypatch):
    smoke = Path(SMOKE).absolute()
    monkeypatch.chdir(runs)
    assert refused("--mode", "test", "--out", "rn") == "--out rn: no such run, did you mean run?"
    assert "did you mean run?" in refused("--mode", "test", "--out", "./rnu/", "--cfg", smoke)


@pytest.mark.parametrize(
    ("given", "meant"), [("run/checkpoints", "run"), ("", "run"), ("run/report", "run")]
)
def test_a_folder_in_or_around_a_run_is_told_from_it(runs, given, meant):
    (runs / "run" / "checkpoints").mkdir()
    message = refused("--mode", "test", "--out", runs / given)
    assert message.endswith(f", did you mean {runs / meant}?")


@pytest.mark.parametrize(
    ("options", "remedy"),
    [
        (["--mode", "test"], "name a run with --out, or a checkpoint with --set ckpt_path=FILE"),
        (["--resume"], "leave out --resume to begin one"),
    ],
)
def test_where_no_run_is_near_the_way_out_is_another(tmp_path, options, remedy):
    assert refused(*options, "--out", tmp_path / "a" / "b").endswith(f"b: no such run; {remedy}")
    assert refused(*options, "--out", tmp_path).endswith(f"{tmp_path}: holds no run; {remedy}")
    (tmp_path / "file").write_text("")
    assert "is a file, expected the folder of a run" in refused(
        *options, "--out", tmp_path / "file"
    )


def test_a_checkpoint_can_be_tested_into_a_new_folder(tmp_path):
    options = ["--mode", "test", "--cfg", SMOKE, "--out", tmp_path / "new"]
    assert asked(*options, "--set", f"ckpt_path={tmp_path}").ckpt_path == str(tmp_path)


@pytest.mark.parametrize("options", [["--mode", "test"], ["--resume"], []])
def test_the_newest_settings_of_a_run_are_used_unless_others_are_given(runs, options):
    run, first = runs / "run", load_settings(SMOKE)
    longer = load_settings(SMOKE, ["training.joint.max_steps=9"])
    run_folder.reopen(run, first, longer)
    assert asked(*options, "--out", run) == longer
    assert asked(*options, "--out", run, "--cfg", SMOKE) == first
    changed = asked(*options, "--out", run, "--set", "runtime.seed=5")
    assert (changed.runtime.seed, changed.training) == (5, longer.training)


def test_a_test_that_goes_on_begins_with_its_own_settings(runs):
    run = runs / "run"
    own = load_settings(SMOKE, ["sampling.steps=7"])
    for name in ("report", "report_2", "report_3"):
        (run / name).mkdir()
    for name in ("report", "report_2"):
        (run / name / "unfinished.npz").write_text("")
        (run / name / "unfinished.yaml").write_text(to_yaml(own if "2" in name else other(own)))
    options = ["--mode", "test", "--out", run]
    assert asked(*options, "--resume") == own
    assert asked(*options, "--resume", "--set", "data.workers=2").sampling.steps == 7
    assert asked(*options, "--resume", "--cfg", SMOKE) == load_settings(SMOKE)
    assert asked(*options) == load_settings(SMOKE)
    assert asked("--out", run, "--resume") == load_settings(SMOKE)


def other(settings):
    return settings.model_copy(update={"ckpt_path": "/elsewhere"})


def test_a_new_training_needs_no_run(tmp_path):
    assert asked("--cfg", SMOKE, "--out", tmp_path / "new") == load_settings(SMOKE)
