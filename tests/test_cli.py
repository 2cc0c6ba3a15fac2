import subprocess
import sys

import pytest

from mindcast import cli
from mindcast.refusal import Refusal

PROBE = """
import sys
from mindcast.cli import main
print(main({arguments}), "mindspore" in sys.modules)
"""


def run(*arguments):
    return subprocess.run(
        [sys.executable, "main.py", *arguments], capture_output=True, text=True, check=False
    )


def test_the_defaults_are_those_of_the_tutorial():
    request = cli.parse([])
    assert request.mode == "train"
    assert request.device_target == "Ascend"
    assert request.device_id == 0
    assert cli.DEFAULT_CFG == "./configs/diffusion_cfg.yaml"


def test_seed_is_short_for_a_setting_and_wins():
    assert cli.parse(["--seed", "3", "--set", "runtime.seed=1"]).overrides[-1] == "runtime.seed=3"


def test_help_names_every_option_and_the_stages():
    text = run("--help").stdout
    for option in ("--cfg", "--mode", "--stage", "--device_target", "--device_id", "--out"):
        assert option in text
    for option in ("--nodes", "--devices", "--nr", "--master"):
        assert option in text
    for stage in ("vae", "alignment", "diffusion"):
        assert stage in text


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ("--devices 0", "--devices 0: expected 1 or more"),
        ("--nodes 2 --nr 2 --master a --out b", "--nr 2: expected 0 to 1"),
        ("--nodes 2 --out b", "--master: is needed"),
        ("--nodes 2 --master a", "--out: is needed"),
        ("--nodes 2 --master a:b --out c", "--master a:b: expected HOST or HOST:PORT"),
        ("--devices 2 --mode prepare", "--mode prepare: works in one process"),
    ],
)
def test_processes_that_cannot_be_are_refused(arguments, told):
    with pytest.raises(Refusal, match=told):
        cli.parse(arguments.split())


def test_a_refusal_is_one_line_with_exit_code_2():
    result = run("--cfg", "none.yaml")
    assert result.returncode == 2
    assert result.stderr.count("\n") == 1
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["--cfg", "none.yaml"],
        ["--cfg", "configs/smoke/prediff.yaml", "--stage", "vea"],
        ["--cfg", "configs/smoke/prediff.yaml", "--set", "sampling.stepz=1"],
        ["--cfg", "configs/diffusion_cfg.yaml", "--set", "data.root_dir=/nowhere"],
    ],
)
def test_refusals_come_without_importing_mindspore(arguments):
    code = PROBE.format(arguments=arguments)
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert result.stdout.split() == ["2", "False"]


def test_an_unknown_stage_lists_the_known_ones(capsys):
    assert cli.main(["--cfg", "configs/smoke/prediff.yaml", "--stage", "vea"]) == 2
    assert "use one of vae, alignment, diffusion, all" in capsys.readouterr().err


def test_a_refusal_carries_its_text(monkeypatch, capsys):
    def refuse(request):
        raise Refusal("sky: fell, expected up; prop it")

    monkeypatch.setattr("mindcast.commands.train.run", refuse)
    assert cli.main([]) == 2
    assert capsys.readouterr().err == "mindcast: sky: fell, expected up; prop it\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--mode", "fly"], "invalid choice: 'fly'"),
        (["--device_id", "one"], "invalid int value: 'one'"),
        (["--wings"], "unrecognized arguments: --wings"),
    ],
)
def test_a_wrong_option_is_refused_in_one_line(arguments, words, capsys):
    assert cli.main(arguments) == 2
    text = capsys.readouterr().err
    assert words in text
    assert text.count("\n") == 1
