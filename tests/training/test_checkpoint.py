import json
import os

import mindspore as ms
import numpy as np
import pytest
from mindspore import nn

from mindcast.refusal import Refusal
from mindcast.training import checkpoint, stored
from mindcast.weights.mindspore_file import write_entries
from tests.training.dummy_cells import Matrix

INFORMATION = {"model": "dummy", "stage": "fit"}


def written(folder, network=None, **information):
    path = folder / "fit_best.ckpt"
    network = network or Matrix()
    checkpoint.save(path, network.get_parameters(), {**INFORMATION, **information})
    return path


def refusal(function, *arguments):
    with pytest.raises(Refusal) as caught:
        function(*arguments)
    message = str(caught.value)
    assert "\n" not in message
    return message


def load(path, network=None, model="dummy", stage="fit"):
    return checkpoint.load_network(path, network or Matrix(), model, stage)


def test_what_was_saved_is_read_back(tmp_path):
    network = Matrix()
    network.bias.set_data(ms.Tensor(np.arange(8, dtype=np.float32)))
    path = written(tmp_path / "deep" / "folder", network, settings={"a": [1, "b", None]})
    other = Matrix()
    settings = {"a": [1, "b", None]}
    assert load(path, other) == {
        "version": stored.FORMAT_VERSION,
        **INFORMATION,
        "settings": settings,
    }
    np.testing.assert_array_equal(other.bias.asnumpy(), np.arange(8))
    assert [p.name for p in path.parent.iterdir()] == ["fit_best.ckpt"]


def test_a_checkpoint_is_byte_for_byte_that_of_mindspore(tmp_path):
    network = Matrix()
    entries = [{"name": p.name, "data": p} for p in network.get_parameters()]
    entries += [
        {"name": "scalar", "data": ms.Tensor(2.5, ms.float32)},
        {"name": "steps", "data": ms.Tensor(np.arange(300))},
        {"name": "mask", "data": ms.Tensor([True, False])},
        {"name": "half", "data": ms.Tensor(np.ones((2, 1, 3), np.float16))},
    ]
    theirs, ours = tmp_path / "theirs.ckpt", tmp_path / "ours.ckpt"
    ms.save_checkpoint(entries, str(theirs), append_dict={"mindcast": "Å"}, crc_check=True)
    arrays = {entry["name"]: entry["data"].asnumpy() for entry in entries}
    write_entries(ours, {**arrays, "mindcast": "Å"})
    assert ours.read_bytes() == theirs.read_bytes()


@pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_a_checkpoint_can_be_read_by_all_whom_the_umask_allows(tmp_path, mask, mode):
    before = os.umask(mask)
    try:
        path = written(tmp_path)
        assert path.stat().st_mode & 0o777 == mode
        assert os.umask(mask) == mask
        os.chmod(path, 0o400)  # as former versions left it
        assert written(tmp_path).stat().st_mode & 0o777 == mode
    finally:
        os.umask(before)


def test_a_disk_that_fills_up_while_a_checkpoint_is_written_leaves_no_part_of_it(
    tmp_path, monkeypatch
):
    path = written(tmp_path)
    before = path.read_bytes()

    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("mindcast.weights.mindspore_file._head", full)
    assert "cannot be written (No space left on device)" in refusal(written, tmp_path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["fit_best.ckpt"]


def test_a_checkpoint_from_before_versions_is_read(tmp_path):
    entries = {p.name: p.asnumpy() for p in Matrix().get_parameters()}
    path = tmp_path / "fit_best.ckpt"
    write_entries(path, {**entries, "mindcast": json.dumps(INFORMATION)})
    assert load(path) == INFORMATION


@pytest.mark.parametrize("version", [stored.FORMAT_VERSION + 1, "2"])
def test_a_checkpoint_of_a_version_to_come_is_refused(tmp_path, version):
    message = refusal(load, written(tmp_path, version=version))
    assert (
        f"is a checkpoint of version {version!r}, expected at most {stored.FORMAT_VERSION}"
        in message
    )


def test_weights_that_another_program_trained_have_no_steps(tmp_path):
    information = {**INFORMATION, "converted": {"from": "pytorch"}}
    assert checkpoint.progress(tmp_path, information) == (None, None)
    assert "does not say after how many" in refusal(checkpoint.progress, tmp_path, INFORMATION)


def test_the_state_of_a_training_is_no_network(tmp_path):
    message = refusal(load, written(tmp_path, pending=[]))
    assert "holds the state of a training, expected a network; give fit_best.ckpt" in message


def test_a_write_that_fails_keeps_the_old_file(tmp_path, monkeypatch):
    path = written(tmp_path)
    before = path.read_bytes()

    def half(name, entries):
        name.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(stored, "write_entries", half)
    message = refusal(written, tmp_path)
    assert f"{path}: cannot be written (No space left on device)" in message
    assert "earlier checkpoints are untouched" in message
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["fit_best.ckpt"]


def test_a_place_that_cannot_be_written_is_refused(tmp_path):
    blocked = tmp_path / "blocked"
    if os.geteuid() == 0:  # root writes anywhere but below a file
        blocked.write_text("")
    else:
        blocked.mkdir(mode=0o500)
    assert "fit_best.ckpt: cannot be written" in refusal(written, blocked)


def test_a_missing_file_is_refused(tmp_path):
    assert "none.ckpt: no such checkpoint; train the stage first" in refusal(
        load, tmp_path / "none.ckpt"
    )


@pytest.mark.parametrize("share", [0.0, 0.3, 0.7, 0.99])
def test_a_truncated_file_is_refused(tmp_path, share):
    path = written(tmp_path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    assert "fit_best.ckpt: not a whole checkpoint" in refusal(load, path)


def test_a_file_with_one_changed_byte_is_refused(tmp_path):
    path = written(tmp_path)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    assert "fit_best.ckpt: not a whole checkpoint" in refusal(load, path)


@pytest.mark.parametrize("content", [b"thesis, chapter 1\n" * 50, b"\x00" * 999])
def test_a_file_that_is_no_checkpoint_is_refused(tmp_path, content):
    path = tmp_path / "fit_best.ckpt"
    path.write_bytes(content)
    assert "fit_best.ckpt: not a" in refusal(load, path)


def test_a_checkpoint_of_another_program_is_refused(tmp_path):
    path = tmp_path / "fit_best.ckpt"
    ms.save_checkpoint(Matrix(), str(path))
    assert "not a checkpoint of this program" in refusal(load, path)


@pytest.mark.parametrize(("model", "stage"), [("dummy", "refine"), ("other", "fit")])
def test_a_checkpoint_of_another_model_or_stage_is_refused(tmp_path, model, stage):
    path = written(tmp_path)
    message = refusal(load, path, Matrix("other_"), model, stage)
    assert message == f"{path}: holds dummy/fit, expected {model}/{stage}; fix ckpt_path"


@pytest.mark.parametrize(
    ("network", "difference"),
    [
        (lambda: Matrix("fine_"), "it has no fine_weight"),
        (lambda: nn.CellList([Matrix()]), "it has no 0.weight"),
        (lambda: wider(), "bias is (8,), expected (9,)"),
        (lambda: without_bias(), "bias has no place in the network"),
    ],
)
def test_a_checkpoint_of_another_configuration_is_refused_with_the_first_difference(
    tmp_path, network, difference
):
    path, made = written(tmp_path), network()
    before = [p.asnumpy().copy() for p in made.get_parameters()]
    message = refusal(load, path, made)
    assert f"{path}: a checkpoint of another configuration ({difference})" in message
    assert "use the config.yaml of the run that made it" in message
    for parameter, values in zip(made.get_parameters(), before, strict=True):
        np.testing.assert_array_equal(parameter.asnumpy(), values)


def wider():
    network = Matrix()
    network.bias = ms.Parameter(ms.Tensor(np.zeros(9, np.float32)), name="bias")
    return network


def without_bias():
    network = Matrix()
    del network.bias
    return network
