"""Zip files of PyTorch whose members are not what they should be, and bombs."""

import struct
import tracemalloc
import zipfile

import numpy as np
import pytest

from mindcast.weights import pytorch_zip
from tests.weights.reading import refusal
from tests.weights.torch_files import Storage, tensor, view, write_zip

ONES = np.ones(1000, np.float32)


def written(tmp_path, value=None, **options):
    return write_zip(tmp_path / "net.pt", value or {"a": tensor(ONES)}, **options)


def packed(path, members, **options):
    with zipfile.ZipFile(path, "w", **options) as file:
        for name, content in members:
            file.writestr(name, content)
    return path


@pytest.mark.parametrize(
    "name", ["../data/9", "/etc/passwd", "net/../../x", "net\\x", "net/data/../../y"]
)
def test_a_content_that_would_lie_elsewhere_is_refused(tmp_path, name):
    line = refusal(written(tmp_path, more=[(name, "x")]))
    assert f"(it has a content that would lie elsewhere, {name}); use another copy" in line


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("name", ["net/data.pkl", "net/data/0"])
def test_two_contents_of_one_name_are_refused(tmp_path, name):
    assert "it has two contents of one name" in refusal(written(tmp_path, more=[(name, "x")]))


def test_a_second_pickle_is_refused(tmp_path):
    line = refusal(written(tmp_path, more=[("other/data.pkl", "x")]))
    assert "a zip file with 2 data.pkl, PyTorch's have one" in line


@pytest.mark.parametrize("members", [[("a.npy", "x")], []])
def test_a_zip_file_of_something_else_is_refused(tmp_path, members):
    path = packed(tmp_path / "arrays.npz", [("b.npy", "x"), *members])
    assert "a zip file with no data.pkl, PyTorch's have one" in refusal(path)


def test_a_program_of_torchscript_is_refused(tmp_path):
    line = refusal(written(tmp_path, more=[("net/constants.pkl", "x"), ("net/code/a.py", "x")]))
    assert "holds TorchScript, which is a program, expected tensors" in line
    assert "torch.save(model.state_dict(), FILE)" in line


def test_an_unknown_byte_order_is_refused(tmp_path):
    path = packed(tmp_path / "net.pt", [("net/data.pkl", b"\x80\x02}."), ("net/byteorder", "odd")])
    assert "its byte order is b'odd', expected little or big" in refusal(path)


@pytest.mark.parametrize("count", [999, 1001, 1 << 40])
def test_a_storage_of_other_size_than_its_tensors_expect_is_refused(tmp_path, count):
    storage = Storage(ONES, "FloatStorage", count)
    line = refusal(written(tmp_path, {"a": view(storage, 0, (10,), (1,))}))
    assert f"storage 0 has 4000 bytes, expected {4 * count}" in line


def test_a_storage_that_is_not_there_is_refused(tmp_path):
    path = written(tmp_path)
    with zipfile.ZipFile(path) as file:
        members = [(name, file.read(name)) for name in file.namelist() if "data/0" not in name]
    assert "data/0 is missing in it" in refusal(packed(path, members))


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_changed_number_is_refused_by_its_check_sum(tmp_path, method):
    noise = np.random.default_rng(0).normal(size=1000).astype(np.float32)
    path = written(tmp_path, {"a": tensor(noise)}, compress_type=method)
    content = bytearray(path.read_bytes())
    content[content.index(b"net/data/0") + 2000] ^= 1
    path.write_bytes(content)
    assert "data/0 " in refusal(path)


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_ways_to_pack_are_refused(tmp_path, method):
    line = refusal(written(tmp_path, compress_type=method))
    assert (
        "its content net/data.pkl is packed otherwise than by deflate; save the weights anew"
        in line
    )


def test_a_list_of_contents_without_end_is_refused_unread(tmp_path, monkeypatch):
    monkeypatch.setattr(pytorch_zip, "LONGEST_LIST", 1 << 17)
    path = written(tmp_path, more=[(f"net/{number}", "") for number in range(3000)])
    # each entry has 46 bytes and its name: some 52, so that 3000 have 155 KiB
    assert "its list of contents has 15" in refusal(path)


def test_what_cannot_be_unpacked_is_refused(tmp_path):
    path = written(tmp_path, compress_type=zipfile.ZIP_DEFLATED)
    content = bytearray(path.read_bytes())
    start = content.index(b"net/data/0") + len(b"net/data/0")
    content[start : start + 4] = b"\xff" * 4
    path.write_bytes(content)
    assert "net/data/0 cannot be unpacked" in refusal(path)


def test_a_bomb_is_refused_before_memory_is_taken(tmp_path):
    bomb = {"a": tensor(np.zeros(5_000_000, np.float32))}
    path = written(tmp_path, bomb, compress_type=zipfile.ZIP_DEFLATED)
    assert path.stat().st_size < 100_000
    tracemalloc.start()
    try:
        line = refusal(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (
        "a file that would unpack to 19 MiB, over 4 times its size; save the weights anew" in line
    )
    assert peak < 1 << 22


def test_a_bomb_that_says_it_is_small_is_read_no_further_than_that(tmp_path):
    bomb = {"a": tensor(np.zeros(5_000_000, np.float32))}
    path = written(tmp_path, bomb, compress_type=zipfile.ZIP_DEFLATED)
    whole = struct.pack("<I", 20_000_000)  # its size, in the list of contents and before itself
    path.write_bytes(path.read_bytes().replace(whole, struct.pack("<I", 4000)))
    tracemalloc.start()
    try:
        line = refusal(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert "data/0 " in line
    assert peak < 1 << 22


def test_a_member_that_lies_outside_of_the_file_or_elsewhere_is_refused(tmp_path):
    path = written(tmp_path)
    content = path.read_bytes()
    listed = content.rindex(b"net/data/0") - 4  # where the list says that it begins
    for place, words in ((len(content) - 2, "lies outside"), (7, "is not where it should be")):
        changed = content[:listed] + struct.pack("<I", place) + content[listed + 4 :]
        path.write_bytes(changed)
        assert words in refusal(path)


def test_a_member_that_lies_further_than_any_file_reaches_is_refused(tmp_path):
    path = tmp_path / "net.pt"
    with zipfile.ZipFile(path, "w") as file:
        member = zipfile.ZipInfo("net/data.pkl")
        member.extra = struct.pack("<HHQ", 1, 8, 1 << 63)  # of 64 bits, where 32 are all ones
        file.writestr(member, b"x")
    content = path.read_bytes()
    listed = content.rindex(b"net/data.pkl") - 4
    path.write_bytes(content[:listed] + b"\xff" * 4 + content[listed + 4 :])
    assert "(net/data.pkl lies outside of it); use another copy" in refusal(path)


def test_an_encrypted_member_is_refused(tmp_path):
    path = written(tmp_path)
    content = bytearray(path.read_bytes())
    entry = content.rindex(b"PK\x01\x02", 0, content.rindex(b"net/data/0"))
    content[entry + 8] |= 1
    path.write_bytes(content)
    assert "its content net/data/0 is encrypted; save the weights anew with torch.save" in refusal(
        path
    )
