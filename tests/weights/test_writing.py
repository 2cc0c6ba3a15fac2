"""What is written is read back bit for bit, by us and by others, and never over anything."""

import os
import pickle
import resource
import tracemalloc
import zipfile
from collections import OrderedDict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy
from safetensors.numpy import load_file

from mindcast.refusal import Refusal
from mindcast.weights.read import read_weights
from mindcast.weights.write import write_mindspore, write_pytorch, write_safetensors
from tests.weights.torch_files import STORAGES

WRITERS = {".pt": write_pytorch, ".safetensors": write_safetensors, ".ckpt": write_mindspore}
ONES = {"net.weight": np.ones((2, 3), np.float32)}

types = st.sampled_from([np.dtype(name) for name in STORAGES])
arrays = types.flatmap(
    lambda dtype: st_numpy.arrays(
        dtype, st_numpy.array_shapes(min_dims=0, max_dims=5, min_side=0, max_side=4)
    )
)
names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("written")


def assert_same(found, expected):
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        assert found[name].dtype == array.dtype
        assert found[name].shape == array.shape
        # as bytes, for NaN has many
        assert found[name].tobytes() == array.tobytes()


@pytest.mark.parametrize("ending", WRITERS)
@settings(max_examples=40)
@given(content=st.dictionaries(names, arrays, min_size=1, max_size=4))
def test_any_arrays_come_back_bit_for_bit(folder, ending, content):
    path = folder / f"net{ending}"
    path.unlink(missing_ok=True)
    WRITERS[ending](path, content)
    found = read_weights(path).content
    assert len(found) == len(content)
    assert_same({name: found[name] for name in content}, content)
    if ending != ".safetensors":  # which sorts them
        assert list(found) == list(content)


@pytest.mark.parametrize("ending", WRITERS)
def test_arrays_that_are_not_contiguous_are_written_as_they_look(tmp_path, ending):
    base = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    content = {
        "turned": base.T,
        "part": base[:, ::2, 1:],
        "back": base[::-1],
        "repeated": np.broadcast_to(np.float32(3), (2, 2)),
    }
    path = tmp_path / f"net{ending}"
    WRITERS[ending](path, content)
    found = read_weights(path).content
    assert_same({name: found[name] for name in content}, content)


@pytest.mark.parametrize("ending", WRITERS)
def test_numbers_of_the_other_byte_order_are_turned(tmp_path, ending):
    path = tmp_path / f"net{ending}"
    WRITERS[ending](path, {"a": np.array([1, -2, 300], ">i4")})
    found = read_weights(path).content["a"]
    assert found.dtype == np.int32
    np.testing.assert_array_equal(found, [1, -2, 300])


class _Reader(pickle.Unpickler):
    """Reads an archive of PyTorch by Python's own means, its tensors as arrays."""

    def __init__(self, archive):
        super().__init__(archive.open("archive/data.pkl"))
        self.archive = archive

    def find_class(self, module, name):
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return self.tensor
        assert module == "torch"
        return {storage: np.dtype(dtype) for dtype, storage in STORAGES.items()}[name]

    def persistent_load(self, reference):
        word, dtype, key, device, count = reference
        assert (word, device) == ("storage", "cpu")
        numbers = np.frombuffer(self.archive.read(f"archive/data/{key}"), dtype)
        assert len(numbers) == count
        return numbers

    def tensor(self, numbers, offset, shape, strides, gradients, hooks):
        assert (gradients, hooks) == (False, OrderedDict())
        steps = [stride * numbers.itemsize for stride in strides]
        return np.lib.stride_tricks.as_strided(numbers[offset:], shape, steps)


def test_a_state_dict_is_laid_out_as_pytorch_has_it(tmp_path):
    content = {
        "net.weight": np.arange(210, dtype=np.float32).reshape(5, 6, 7),
        "net.Å": np.zeros((0, 3), np.float16),
        "steps": np.array(3, np.int64),
        "mask": np.array([[True, False]]),
    }
    write_pytorch(tmp_path / "net.pt", content)
    with zipfile.ZipFile(tmp_path / "net.pt") as archive:
        assert archive.testzip() is None
        assert archive.read("archive/version") == b"3\n"
        assert archive.read("archive/byteorder") == b"little"
        assert_same(_Reader(archive).load(), content)
        for member in archive.infolist():
            # 30 bytes of header, its name, its extra field, then the numbers
            start = member.header_offset + 30 + len(member.filename) + len(member.extra)
            assert start % 64 == 0
            assert member.compress_type == zipfile.ZIP_STORED


def test_strides_of_a_tensor_without_elements_are_those_of_pytorch(tmp_path):
    # a size of 0 counts as 1 in the strides of PyTorch, so that (2, 0, 3) has (3, 3, 1)
    write_pytorch(tmp_path / "net.pt", {"a": np.zeros((2, 0, 3), np.float32)})
    with zipfile.ZipFile(tmp_path / "net.pt") as archive:
        found = _Reader(archive)
        found.tensor = lambda numbers, offset, shape, strides, *_: (shape, strides)
        assert found.load() == {"a": ((2, 0, 3), (3, 3, 1))}


def test_the_library_reads_what_is_written_for_it(tmp_path):
    write_safetensors(tmp_path / "net.safetensors", ONES, {"made": "here"})
    assert_same(load_file(tmp_path / "net.safetensors"), ONES)
    assert read_weights(tmp_path / "net.safetensors").metadata == {"made": "here"}


def test_the_same_arrays_give_the_same_file(tmp_path):
    for number, ending in enumerate([*WRITERS, *WRITERS]):
        WRITERS[ending](tmp_path / f"{number}{ending}", ONES)
    for number, ending in enumerate(WRITERS):
        again = tmp_path / f"{number + len(WRITERS)}{ending}"
        assert again.read_bytes() == (tmp_path / f"{number}{ending}").read_bytes()


def test_texts_of_a_checkpoint_come_back(tmp_path):
    write_mindspore(tmp_path / "net.ckpt", {**ONES, "made": "Å here"})
    assert read_weights(tmp_path / "net.ckpt").content["made"] == "Å here"


def test_a_large_array_of_a_checkpoint_comes_in_pieces(tmp_path, monkeypatch):
    array = np.arange(1000, dtype=np.float32)
    monkeypatch.setattr("mindcast.weights.mindspore_file.LARGEST_PIECE", 1024)
    write_mindspore(tmp_path / "net.ckpt", {"a": array, "b": array[:3]})
    assert (tmp_path / "net.ckpt").read_bytes().count(b"\x0a\x01a\x12") == 4  # 4000 bytes
    assert_same(read_weights(tmp_path / "net.ckpt").content, {"a": array, "b": array[:3]})


@pytest.mark.parametrize("ending", WRITERS)
def test_what_is_there_already_is_never_written_over(tmp_path, ending):
    path = tmp_path / f"net{ending}"
    path.write_text("mine")
    (tmp_path / f"link{ending}").symlink_to(tmp_path / "nowhere")
    (tmp_path / f"folder{ending}").mkdir()
    for name in ("net", "link", "folder"):
        with pytest.raises(Refusal, match=f"{name}{ending}: is there already; name another file"):
            WRITERS[ending](tmp_path / f"{name}{ending}", ONES)
    assert path.read_text() == "mine"
    assert len(list(tmp_path.iterdir())) == 3


@pytest.mark.parametrize("ending", WRITERS)
def test_a_place_that_cannot_be_written_is_refused(tmp_path, ending):
    (tmp_path / "file").write_text("")
    with pytest.raises(Refusal, match=f"net{ending}: cannot be written"):
        WRITERS[ending](tmp_path / "file" / f"net{ending}", ONES)


@pytest.mark.parametrize("ending", WRITERS)
def test_a_disk_that_fills_up_leaves_nothing(tmp_path, ending):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, hard))  # no file may grow beyond that
    try:
        with pytest.raises(Refusal, match=rf"net{ending}: cannot be written \(.*File too large"):
            WRITERS[ending](tmp_path / f"net{ending}", {"a": np.ones(1 << 15, np.float32)})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("ending", WRITERS)
def test_a_type_that_the_format_lacks_is_an_error_and_leaves_nothing(tmp_path, ending):
    with pytest.raises((ValueError, SyntaxError)):
        WRITERS[ending](tmp_path / f"net{ending}", {"a": np.array(["text"])})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("ending", WRITERS)
def test_a_written_file_has_the_rights_of_a_file_simply_written(tmp_path, ending):
    before = os.umask(0o027)
    try:
        WRITERS[ending](tmp_path / f"net{ending}", ONES)
    finally:
        os.umask(before)
    assert (tmp_path / f"net{ending}").stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("source", [".pt", ".safetensors"])
@pytest.mark.parametrize("target", WRITERS)
def test_weights_go_from_file_to_file_without_taking_memory(tmp_path, source, target):
    large = {str(n): np.full((1 << 18, 4), n, np.float32) for n in range(4)}  # 4 MiB each
    WRITERS[source](tmp_path / f"from{source}", large)
    tracemalloc.start()
    try:
        found = read_weights(tmp_path / f"from{source}").content
        WRITERS[target](tmp_path / f"to{target}", found)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert_same(found, large)
    assert peak < 1 << 20  # the numbers stay in the files
