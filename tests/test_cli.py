import subprocess
import sys

import pytest

from mindcast import cli, options
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
    assert options.DEFAULT_CFG == "./configs/diffusion_cfg.yaml"


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
        ("--devices 1000000", "--devices 1000000: expected 1 or more, at most 256"),
        ("--device_id -1", "--device_id -1: expected 0 to 4095"),
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


@pytest.mark.parametrize("option", ["--cfg", "--out", "--stage"])
@pytest.mark.parametrize("text", ["", "  "])
def test_an_empty_name_is_refused_and_not_taken_for_none(option, text):
    with pytest.raises(Refusal, match=f"{option} {text!r}: is empty; give a name"):
        cli.parse([option, text])


@pytest.mark.parametrize(
    ("out", "told"),
    [
        ("a" * 300, "File name too long; choose"),
        ("a\udcff", "is no text in this locale; choose another"),
    ],
)
def test_a_run_folder_that_cannot_be_is_refused_before_any_work(out, told):
    with pytest.raises(Refusal, match=told):
        cli.parse(["--out", out])


@pytest.mark.parametrize("override", ["", "=", "a"])
def test_an_empty_override_is_refused(override, capsys):
    assert cli.main(["--set", override]) == 2
    assert f"--set {override!r}: expected key.path=value" in capsys.readouterr().err


def test_the_home_of_the_user_is_filled_in_where_the_shell_left_it(monkeypatch):
    monkeypatch.setenv("HOME", "/home/a")
    request = cli.parse(["--out=~/runs/b", "--cfg=~/c.yaml"])
    assert (str(request.out), str(request.cfg)) == ("/home/a/runs/b", "/home/a/c.yaml")


@pytest.mark.parametrize("door", [["main.py"], ["-m", "mindcast"]])
def test_all_doors_lead_to_the_same_program(door):
    command = [sys.executable, *door, "--mode", "fly\nby"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 2
    assert result.stderr.startswith("mindcast: argument --mode: invalid choice: 'fly")
    assert result.stderr.count("\n") == 1


def test_an_argument_that_is_no_unicode_and_has_lines_is_still_one_line():
    command = [sys.executable, "main.py", "--a\nb", b"\xff"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr.count("\n")) == (2, 1)
    assert "--a\\nb \\udcff; see --help" in result.stderr


def test_help_survives_a_reader_that_has_gone():
    command = f"set -o pipefail; {sys.executable} main.py --help | true"
    result = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (0, "")


def test_an_unforeseen_error_is_one_line_with_exit_code_70(monkeypatch, capsys, tmp_path):
    def fail(request):
        raise ZeroDivisionError("sky")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("mindcast.commands.train.run", fail)
    assert cli.main([]) == 70
    (kept,) = tmp_path.iterdir()
    assert capsys.readouterr().err == (
        f"mindcast: unexpected ZeroDivisionError: sky; the traceback is in {kept}, please report "
        "it\n"
    )


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "What was saved stands; continue with --out and --resume"),
        (["--out", "new"], "What was finished stands; give the command again"),
        (["--out", "old"], "What was saved stands; continue with --out old --resume"),
        (["--mode", "test", "--out", "old"], "What was finished stands; give the command again"),
    ],
)
def test_an_interrupt_names_the_way_on(arguments, told, monkeypatch, capsys, tmp_path):
    def stop(request):
        raise KeyboardInterrupt

    monkeypatch.chdir(tmp_path)
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "config.yaml").touch()
    monkeypatch.setattr("mindcast.commands.train.run", stop)
    monkeypatch.setattr("mindcast.commands.test.run", stop)
    assert cli.main(arguments) == 130
    assert capsys.readouterr().err == f"mindcast: interrupted. {told}\n"


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


@pytest.mark.parametrize("mode", ["train", "prepare"])
def test_a_page_is_refused_where_there_is_no_report(mode):
    with pytest.raises(Refusal, match=f"--report: --mode {mode} has none to write; use it with"):
        cli.parse(["--mode", mode, "--report"])
    assert cli.parse(["--mode", "test", "--report"]).report
    assert not cli.parse(["--mode", "test"]).report


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


@pytest.mark.parametrize(
    ("door", "program"),
    [("main.py", ["main.py"]), ("/x/mindcast/__main__.py", ["-m", "mindcast"])],
)
def test_several_processes_come_in_by_the_door_of_the_first(door, program, monkeypatch):
    monkeypatch.setattr(sys, "argv", [door])
    arguments = ["--cfg", "configs/smoke/prediff.yaml", "--devices", "2", "--out", "a"]
    command = cli._command_of_one(cli.parse(arguments), arguments)
    assert command[: 1 + len(program)] == [sys.executable, *program]
    assert cli.parse(command[1 + len(program) :]).cluster.size == 1


VERIFY = ("--mode", "verify", "--forecast", "a.nc", "--truth", "b", "c")


def test_verify_takes_many_files_and_no_model():
    request = cli.parse([*VERIFY, "--out", "there", "--seed", "3"])
    assert (request.forecasts, request.truth, request.context) == (("a.nc",), ("b", "c"), ())
    assert request.overrides == ("runtime.seed=3",)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (VERIFY, "--mode verify: needs --out, the folder for the report"),
        (VERIFY[:4], "--mode verify: needs --truth, what was observed; see --help"),
        ((*VERIFY[:2], *VERIFY[4:]), "--mode verify: needs --forecast, files of forecasts; see"),
        ((*VERIFY, "--out", "a", "--cfg", "b"), "--cfg: has no meaning for a verification; leave"),
        ((*VERIFY, "--out", "a", "--resume"), "--resume: has no meaning for a verification"),
        (("--mode", "test", "--truth", "b"), "--truth: is for --mode verify, not for --mode test"),
    ],
)
def test_options_that_do_not_belong_to_a_verification_are_refused(arguments, told, capsys):
    assert cli.main(arguments) == 2
    assert told in capsys.readouterr().err
