"""Files of safetensors: read where they lie, bfloat16 too, and refused where they are none."""

import json

import numpy as np
import pytest
from safetensors.numpy import save_file

from mindcast.weights.read import read_weights
from tests.weights.reading import refusal


def written(tmp_path, header, body=b""):
    path = tmp_path / "net.safetensors"
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + body)
    return path


def entry(dtype, shape, begin, end):
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


def test_what_the_library_writes_is_read(tmp_path):
    arrays = {
        "net.weight": np.arange(6, dtype=np.float32).reshape(2, 3),
        "half": np.array([0.5, -3], np.float16),
        "steps": np.array(7, np.int64),
        "mask": np.array([True, False]),
        "none": np.zeros((0, 3), np.float64),
    }
    save_file(arrays, tmp_path / "net.safetensors", {"made": "there"})
    stored = read_weights(tmp_path / "net.safetensors")
    assert (stored.kind, stored.metadata) == ("safetensors", {"made": "there"})
    assert stored.content.keys() == arrays.keys()
    for name, array in arrays.items():
        assert stored.content[name].dtype == array.dtype
        assert stored.content[name].shape == array.shape
        np.testing.assert_array_equal(stored.content[name], array)
        assert not stored.content[name].flags.writeable


def test_bfloat16_is_read_as_the_float32_that_it_is_the_upper_half_of(tmp_path):
    # 0x3FC0 is 1.5 and 0xC000 is -2, see test_pytorch; numbers lie little-endian
    path = written(tmp_path, {"a": entry("BF16", [2], 0, 4)}, b"\xc0\x3f\x00\xc0")
    found = read_weights(path).content["a"]
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, [1.5, -2])


def test_numbers_at_an_odd_place_are_right(tmp_path):
    header = {"a": entry("U8", [1], 0, 1), "b": entry("F32", [2], 1, 9)}
    body = b"\x05" + np.array([1.25, -4], np.float32).tobytes()
    content = read_weights(written(tmp_path, header, body)).content
    np.testing.assert_array_equal(content["b"], [1.25, -4])


def test_a_type_that_weights_do_not_have_is_refused_by_name(tmp_path):
    path = written(tmp_path, {"net.a": entry("F8_E4M3", [1], 0, 1)}, b"0")
    assert "net.safetensors: net.a has the type F8_E4M3, expected F64, F32, F16, BF16" in refusal(
        path
    )


@pytest.mark.parametrize(
    ("header", "body"),
    [
        ({"a": entry("F32", [2], 0, 8)}, b"0" * 7),
        ({"a": entry("F32", [2], 0, 8)}, b"0" * 9),
        ({"a": entry("F32", [3], 0, 8)}, b"0" * 8),
        ({"a": entry("F32", [1 << 62, 4], 0, 8)}, b"0" * 8),
        ({"a": entry("F32", [0, 1 << 62, 1 << 62], 0, 0)}, b""),
        ({"a": entry("F32", [2], 8, 16)}, b"0" * 16),
        ({"a": entry("F32", [2], 0, 8), "b": entry("F32", [2], 4, 12)}, b"0" * 12),
        ({"a": {"dtype": "F32"}}, b""),
        ({"a": 1}, b""),
        ({"__metadata__": {"a": 1}}, b""),
        (b"{", b""),
        (b'{"a"', b"\xff" * 20),
        (b"{" * 10_000, b""),
    ],
    ids=repr,
)
def test_a_header_that_is_not_that_of_the_numbers_is_refused(tmp_path, header, body):
    path = written(tmp_path, header, body)
    assert "net.safetensors: not a whole safetensors file (" in refusal(path)


def test_a_header_that_has_a_name_twice_is_refused(tmp_path):
    one = json.dumps(entry("F32", [1], 0, 4))
    path = written(tmp_path, f'{{"a": {one}, "a": {one}}}'.encode(), b"0000")
    assert "not a whole safetensors file (its header has a name twice)" in refusal(path)


def test_a_header_that_says_it_is_huge_takes_no_memory(tmp_path):
    path = tmp_path / "net.safetensors"
    path.write_bytes((99 << 20).to_bytes(8, "little") + b"{}")
    assert "not a whole safetensors file (" in refusal(path)
