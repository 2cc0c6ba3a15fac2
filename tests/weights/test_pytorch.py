"""Files of PyTorch, of both formats: what lies in them comes out right."""

import argparse
import zipfile
from collections import Counter, OrderedDict

import numpy as np
import pytest

from mindcast.weights.pickle_program import Foreign
from mindcast.weights.read import read_weights
from tests.weights.torch_files import (
    STORAGES,
    WRITERS,
    Call,
    Storage,
    named,
    parameter,
    tensor,
    view,
    write_zip,
)


@pytest.fixture(params=sorted(WRITERS))
def content(request, tmp_path):
    """The function value -> what is read from a file that holds it."""

    def read(value, **options):
        path = WRITERS[request.param](tmp_path / "weights.pt", value, **options)
        stored = read_weights(path)
        assert stored.kind == request.param
        assert stored.metadata == {}
        return stored.content

    return read


def assert_equal(found, expected):
    assert found.dtype == expected.dtype
    assert found.shape == expected.shape
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("dtype", STORAGES)
def test_a_tensor_of_each_type_is_read_bit_for_bit(content, dtype):
    rng = np.random.default_rng(3)
    numbers = rng.integers(0, 2, (3, 5)) if dtype == "bool" else rng.normal(0, 40, (3, 5))
    array = numbers.astype(dtype)
    assert_equal(content({"a": tensor(array)})["a"], array)


def test_bfloat16_is_read_as_the_float32_that_it_is_the_upper_half_of(content):
    # sign, eight bits of exponent, seven of fraction: 0x3FC0 is 1.5, 0xC2F7 is -(64 + 59.5)
    raw = np.array([0x3FC0, 0xC2F7, 0x7F80, 0x0001], np.uint16)
    found = content({"a": tensor(raw, "BFloat16Storage")})["a"]
    assert_equal(found, np.array([1.5, -123.5, np.inf, 2.0**-133], np.float32))


def test_views_that_are_not_contiguous_are_read_right_and_share_one_storage(content):
    base = np.arange(12, dtype=np.float32).reshape(3, 4)
    storage = Storage(base.ravel(), "FloatStorage")
    found = content(
        {
            "whole": view(storage, 0, (3, 4), (4, 1)),
            "turned": view(storage, 0, (4, 3), (1, 4)),
            "part": view(storage, 5, (2, 2), (4, 2)),
            "one": view(storage, 7, (), ()),
            "repeated": view(storage, 11, (2, 3), (0, 0)),
        }
    )
    assert_equal(found["whole"], base)
    assert_equal(found["turned"], base.T)
    assert_equal(found["part"], base[1:, 1::2])
    assert_equal(found["one"], base[1, 3])
    assert_equal(found["repeated"], np.full((2, 3), 11, np.float32))
    assert all(np.shares_memory(array, found["whole"]) for array in found.values())


def test_views_of_half_precision_share_the_numbers_that_it_becomes(content):
    storage = Storage(np.array([0x3F80, 0x4000], np.uint16), "BFloat16Storage")
    found = content({"a": view(storage, 0, (2,), (1,)), "b": view(storage, 1, (1,), (1,))})
    assert_equal(found["b"], np.array([2], np.float32))
    assert np.shares_memory(found["a"], found["b"])


@pytest.mark.parametrize("shape", [(), (0,), (0, 3), (1, 1, 1), (2, 0, 2)])
def test_scalars_and_tensors_of_no_elements_keep_their_shape(content, shape):
    assert_equal(content({"a": tensor(np.zeros(shape, np.int16))})["a"], np.zeros(shape, np.int16))


def test_parameters_and_tensors_with_attributes_are_tensors(content):
    ones = tensor(np.ones(2, np.float32))
    marked = (named("torch.nn.parameter.Parameter"), (ones, True, OrderedDict()), {"decay": 0})
    function = named("torch._utils._rebuild_parameter")
    stateful = named("torch._utils._rebuild_parameter_with_state")
    found = content(
        {
            "a": parameter(ones),
            "b": Call(named("torch._tensor._rebuild_from_type_v2"), (function, *marked)),
            "c": Call(stateful, (ones, True, OrderedDict(), {"decay": 0})),
        }
    )
    for array in found.values():
        assert_equal(array, np.ones(2, np.float32))


def test_a_type_without_a_storage_of_its_own_comes_as_bytes(content):
    storage = Storage(np.frombuffer(b"\x01\x00\xff\xff\x02\x00", np.uint8), "UntypedStorage")
    arguments = (storage, 1, (2,), (1,), False, OrderedDict(), named("torch.uint16"))
    found = content({"a": Call(named("torch._utils._rebuild_tensor_v3"), arguments)})
    assert_equal(found["a"], np.array([0xFFFF, 2], np.uint16))


TRAINING = {
    "epoch": 3,
    "rate": 1e-4,
    "groups": [{"betas": (0.9, 0.999), "params": [0, 1], 7: None}],
    "done": [True, False],
    "large": 1 << 70,
    "text": "Å\n",
    "milestones": Counter({10: 1}),
    "ordered": OrderedDict(b=1, a=2),
}


@pytest.mark.parametrize("protocol", [1, 2, 3, 4, 5])
def test_numbers_and_texts_around_the_tensors_are_kept(content, protocol):
    found = content({**TRAINING, "model": {"a": tensor(np.ones(2, np.float32))}}, protocol=protocol)
    assert_equal(found.pop("model")["a"], np.ones(2, np.float32))
    assert found == TRAINING
    assert list(found["ordered"]) == ["b", "a"]


def test_the_oldest_pickles_are_read_too(content):
    assert content(TRAINING, protocol=0) == TRAINING


def test_sizes_devices_and_types_become_numbers_and_texts(content):
    found = content(
        {
            "size": Call(named("torch.Size"), ((2, 3),)),
            "device": Call(named("torch.device"), ("cuda", 1)),
            "type": named("torch.Tensor"),
        }
    )
    assert found == {"size": (2, 3), "device": "cuda:1", "type": Foreign("torch.Tensor")}


def test_settings_that_a_training_program_kept_are_names_alone(content):
    settings = Call(named("omegaconf.dictconfig.DictConfig"), (), {"_content": {"a": 1}})
    found = content(
        {
            "state_dict": {"a": tensor(np.ones(1, np.float32))},
            "hyper_parameters": argparse.Namespace(rate=1),
            "config": settings,
            "score": np.float64(0.3),
            "callbacks": {named("omegaconf.dictconfig.DictConfig"): {"best": 0.5}},
        }
    )
    assert_equal(found.pop("state_dict")["a"], np.ones(1, np.float32))
    assert found.pop("callbacks") == {Foreign("omegaconf.dictconfig.DictConfig"): {"best": 0.5}}
    assert found == {
        "hyper_parameters": Foreign("argparse.Namespace"),
        "config": Foreign("omegaconf.dictconfig.DictConfig"),
        "score": Foreign("numpy.core.multiarray.scalar"),
    }


def test_what_is_read_cannot_be_changed_by_accident(content):
    for array in content({"a": tensor(np.ones(3, np.float32)), "b": tensor(np.ones(()))}).values():
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0


def test_numbers_of_a_machine_of_the_other_byte_order_are_turned(tmp_path):
    array = np.array([[1, -300], [70000, 5]], np.int32)
    path = write_zip(tmp_path / "big.pt", {"a": tensor(array)}, big_endian=True)
    assert_equal(read_weights(path).content["a"], array)


def test_an_archive_that_somebody_packed_anew_is_read(tmp_path):
    array = np.arange(100, dtype=np.float32)
    packed = {"compress_type": zipfile.ZIP_DEFLATED}
    path = write_zip(tmp_path / "packed.pt", {"a": tensor(array)}, **packed)
    assert_equal(read_weights(path).content["a"], array)
