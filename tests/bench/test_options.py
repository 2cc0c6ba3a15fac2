import sys

import pytest

from mindcast.refusal import Refusal
from tests.bench.__main__ import main
from tests.bench.options import DEAR, PARTS, wanted
from tests.bench.torch_environment import python_of


def refusal_of(*arguments):
    with pytest.raises(Refusal) as refused:
        wanted(arguments)
    return str(refused.value)


def test_all_parts_are_wanted_without_options():
    asked = wanted([])
    assert len(asked.cases) == 9
    assert asked.all_parts == ("networks", "growth", "members", "first", "data", "reader")
    assert asked.parts["growth"] == asked.parts["members"] == ("prediff", "diffcast", "geodiff")
    assert list(asked.sides.pythons) == ["mindspore"]


def test_what_is_dear_is_measured_where_it_is_named():
    left_out = [f"{part} {name}" for part, names in PARTS.items() for name in names]
    left_out = [name for name in left_out if name.split(" ", 1)[1] not in chosen([], name)]
    assert set(left_out) == set(DEAR)
    for name in DEAR:
        assert name.split(" ", 1)[1] in chosen(["--only", name], name)


def chosen(arguments, name):
    return wanted(arguments).parts[name.split()[0]]


def test_quick_leaves_the_networks():
    asked = wanted(["--quick"])
    assert len(asked.cases) == 9
    assert asked.all_parts == ("networks",)


def test_only_picks_parts_by_a_word_of_their_names():
    asked = wanted(["--only", "growth geo"])
    assert asked.all_parts == ("growth",)
    assert asked.parts["growth"] == ("geodiff",)
    assert [case.name for case in wanted(["--only", "encode"]).cases] == ["prediff encode"]
    assert wanted(["--quick", "--only", "first "]).all_parts == ("first",)


def test_an_unknown_part_is_refused_with_the_names_that_there_are():
    refused = refusal_of("--only", "decoder")
    assert refused.startswith("--only decoder: expected a part of prediff denoiser, ")
    assert refused.endswith("data diffcast joint, data geodiff diffusion, reader archive")


def test_graphs_are_kept_where_that_is_asked_for():
    assert not wanted(["--quick"]).kept
    assert wanted(["--quick", "--kept"]).kept


def test_a_file_of_figures_is_not_overwritten(tmp_path):
    there = tmp_path / "figures.json"
    there.write_text("{}")
    assert refusal_of("--json", str(there)).endswith("is there already; name a file that is not")
    assert there.read_text() == "{}"


def test_a_folder_for_the_figures_must_be_there(tmp_path):
    assert "no such folder" in refusal_of("--json", str(tmp_path / "none" / "figures.json"))


def test_channels_last_without_pytorch_is_refused():
    assert refusal_of("--channels-last").endswith("give --torch too")


@pytest.mark.parametrize("option", ["--archive-gb", "--limit-gb"])
def test_sizes_are_positive(option):
    assert refusal_of(option, "-1") == f"{option} -1.0: expected more than 0"


def test_without_an_environment_with_pytorch_one_line_says_how_to_make_it(capsys, tmp_path):
    assert main(["--torch", str(tmp_path / "none")]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    (line,) = captured.err.splitlines()
    assert line.startswith(f"bench: --torch {tmp_path}/none: no environment with PyTorch is there;")
    assert "python3.11 -m venv .venv-torch && .venv-torch/bin/pip install torch==" in line


def test_an_environment_without_pytorch_is_refused():
    with pytest.raises(Refusal, match=r"No module named 'torch'; make one by: "):
        python_of(sys.executable)
