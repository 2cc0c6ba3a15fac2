"""Whatever a file is, it is read right or refused in one line; never half."""

import os

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mindcast.refusal import Refusal
from mindcast.weights.read import KINDS, read_weights
from mindcast.weights.write import write_mindspore, write_pytorch, write_safetensors
from tests.weights.reading import refusal
from tests.weights.torch_files import tensor, write_legacy, write_zip

ARRAYS = {
    "net.weight": np.random.default_rng(1).normal(size=(20, 7)).astype(np.float32),
    "net.steps": np.arange(5, dtype=np.int64),
}


def torch_file(write):
    return lambda path: write(path, {name: tensor(array) for name, array in ARRAYS.items()})


MAKERS = {
    "zip": torch_file(write_zip),
    "zip of ours": lambda path: write_pytorch(path, ARRAYS),
    "old": torch_file(write_legacy),
    "safetensors": lambda path: write_safetensors(path, ARRAYS, {"made": "here"}),
    "mindspore": lambda path: write_mindspore(path, {**ARRAYS, "made": "here"}),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("weights")


@pytest.fixture(scope="module")
def whole(folder):
    """The bytes of a file of each kind."""
    contents = {}
    for maker, make in MAKERS.items():
        make(folder / maker)
        contents[maker] = (folder / maker).read_bytes()
    return contents


def read_or_refused(path, content):
    """What is read of a file with that content; None where it is refused as it should be."""
    path.unlink(missing_ok=True)
    path.write_bytes(content)
    try:
        return read_weights(path).content
    except Refusal as refused:
        line = str(refused)
    assert line.startswith(f"{path}: ")
    assert line.isprintable()
    return None


@pytest.mark.parametrize("maker", MAKERS)
def test_a_file_cut_short_anywhere_is_refused(folder, whole, maker):
    content = whole[maker]
    for part in range(20):
        assert read_or_refused(folder / "short", content[: part * len(content) // 20]) is None
    assert read_or_refused(folder / "short", content[:-1]) is None


@pytest.mark.parametrize("maker", MAKERS)
@settings(max_examples=60)
@given(data=st.data())
def test_a_changed_byte_never_changes_what_is_read_unseen(folder, whole, maker, data):
    content = bytearray(whole[maker])
    at = data.draw(st.integers(0, len(content) - 1))
    content[at] ^= data.draw(st.integers(1, 255))
    found = read_or_refused(folder / "changed", bytes(content))
    if found is None or maker in ("old", "safetensors"):
        return  # these two formats have no check sums
    assert {name for name in found if name != "made"} == ARRAYS.keys()
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(found[name], array)


@pytest.mark.filterwarnings("ignore:invalid escape sequence")
@pytest.mark.parametrize("maker", MAKERS)
@settings(max_examples=60)
@given(data=st.data())
def test_pieces_put_together_wrongly_are_refused_or_read(folder, whole, maker, data):
    content = whole[maker]
    places = st.integers(0, len(content))
    begin, end = data.draw(places), data.draw(places)
    read_or_refused(folder / "pieces", content[:begin] + content[end:])


@given(st.sampled_from(sorted(MAKERS)), st.binary(max_size=200))
def test_any_bytes_behind_a_right_beginning(folder, whole, maker, content):
    assert read_or_refused(folder / "any", whole[maker][:20] + content) is None


@given(st.binary(max_size=200))
def test_any_bytes(folder, content):
    assert read_or_refused(folder / "any", content) is None


def hdf5(path):
    with h5py.File(path, "w") as file:
        file["a"] = 1


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "an empty file; use another copy"),
        (b"epoch,loss\n1,0.5\n", "not a file of weights; give one of PyTorch (.pt, .pth, .ckpt),"),
        (b"version https://git-lfs.github.com/spec/v1\noid", "a note of Git LFS; fetch the file"),
        (b"\n<!DOCTYPE html><html>", "a web page; download the file again"),
        (b"\x1f\x8b\x08" + b"0" * 90, "packed by gzip; unpack it with gunzip first"),
        (b"\x80\x04\x95" + b"0" * 90, "a pickle that PyTorch did not write; save the state dict"),
        (b"PK\x03\x04" + b"0" * 90, "not a whole PyTorch file (its list of contents is missing)"),
        (b"\n" * 90, "not a whole MindSpore checkpoint (its content cannot be parsed)"),
        (b"\0" * 90, "not a file of weights"),
    ],
)
def test_another_file_is_refused_by_what_it_is(tmp_path, content, words):
    path = tmp_path / "weights.pt"
    path.write_bytes(content)
    assert f"weights.pt: {words}" in refusal(path)


def test_a_checkpoint_is_one_however_long_its_first_entry_is(folder):
    path = folder / "net.ckpt"  # its second byte is that length, and any byte, such as that of "<"
    for length in range(0, 520, 2):
        path.unlink(missing_ok=True)
        write_mindspore(path, {"a": np.zeros(length, np.int8)})
        assert read_weights(path).content["a"].shape == (length,)


def test_an_hdf5_file_is_refused(tmp_path):
    hdf5(tmp_path / "weights.h5")
    assert "weights.h5: an HDF5 file; give one of PyTorch" in refusal(tmp_path / "weights.h5")


def test_a_folder_a_missing_file_and_a_forbidden_one_are_refused(tmp_path, monkeypatch):
    assert f"{tmp_path}: a folder; name a file in it" in refusal(tmp_path)
    assert "none.pt: no such file; name a file of weights" in refusal(tmp_path / "none.pt")
    path = torch_file(write_zip)(tmp_path / "weights.pt")

    def forbidden(*arguments):
        raise PermissionError(13, os.strerror(13))

    with monkeypatch.context() as patch:
        patch.setattr("pathlib.Path.open", forbidden)
        with pytest.raises(Refusal, match=r"weights.pt: cannot be read \(Permission denied\)"):
            read_weights(path)


def test_bytes_behind_the_end_of_an_old_file_are_refused(folder, whole):
    path = folder / "longer"
    path.write_bytes(whole["old"] + b"1234")
    assert "(4 bytes are left over at its end); use another copy" in refusal(path)


def test_an_old_file_of_another_machine_is_refused(tmp_path):
    for machine in ({"little_endian": False}, {}, "little"):
        path = write_legacy(tmp_path / "old.pt", {"a": tensor(np.ones(1))}, machine=machine)
        assert "it is of an unknown version or byte order" in refusal(path)


def test_every_kind_has_its_words():
    assert set(KINDS) == {"pytorch", "pytorch-legacy", "safetensors", "mindspore"}
