"""Whatever bytes lie in a checkpoint: the right values, or one line; and the file as it was."""

import json
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mindspore.train.checkpoint_pb2 import Checkpoint

from mindcast.refusal import Refusal
from mindcast.training import checkpoint
from mindcast.weights.mindspore_file import TYPES
from tests.training.dummy_cells import Matrix

INFORMATION = {"model": "dummy", "stage": "fit"}
RIGHT = {"weight": ("Float32", (8, 8)), "bias": ("Float32", (8,))}

names = st.sampled_from(["weight", "bias", "mindcast", "ema.weight", "", "a\nb"])
kinds = st.sampled_from([*TYPES, "str", "BFloat16", "Int4", "Float99", ""])
dims = st.lists(st.sampled_from([0, 1, 2, 8, 64, -1, 1 << 20, 1 << 40, (1 << 63) - 1]), max_size=3)
keys = st.sampled_from(["model", "stage", "settings", "pending", "a\nb"])
entries = st.tuples(names, kinds, dims, st.binary(max_size=300))


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("checkpoints") / "fit_best.ckpt"


@pytest.fixture(scope="module")
def whole(place):
    checkpoint.save(place, Matrix().get_parameters(), INFORMATION)
    return place.read_bytes()


def values(network):
    return {p.name: p.asnumpy().copy() for p in network.get_parameters()}


def loaded_or_refused(place, content):
    """The network that such a file gives; None if it is refused, which leaves the network alone."""
    place.unlink(missing_ok=True)
    place.write_bytes(content)
    network = Matrix()
    network.weight.set_data(network.weight + 1)  # not what the file holds
    before, line = values(network), None
    try:
        checkpoint.load_network(place, network, "dummy", "fit")
    except Refusal as refusal:
        line = str(refusal)
    assert place.read_bytes() == content
    if line is None:
        return network
    assert "\n" not in line
    assert line.startswith(f"{place}: ")
    for name, array in values(network).items():
        np.testing.assert_array_equal(array, before[name])
    return None


def message(name, kind, shape, content):
    one = Checkpoint()
    value = one.value.add()
    value.tag, value.tensor.tensor_type = name, kind
    value.tensor.dims.extend(shape)
    value.tensor.tensor_content = content
    return one.SerializeToString()


def with_check_sum(body):
    return body + b"crc_num" + zlib.crc32(body).to_bytes(10, "big")


def told(text=None):
    text = json.dumps(INFORMATION) if text is None else text
    return message("mindcast", "str", [0], text.encode("utf-32-le"))


def array_of(kind, shape, seed=0):
    numbers = np.random.default_rng(seed).integers(0, 2, shape)
    return numbers.astype(TYPES[kind].dtype)


@given(st.binary(max_size=400))
def test_any_bytes(place, content):
    assert loaded_or_refused(place, content) is None


@given(st.data())
def test_a_part_or_a_changed_byte_of_a_checkpoint(place, whole, data):
    at = data.draw(st.integers(0, len(whole) - 1))
    cut = data.draw(st.booleans())
    flip = data.draw(st.integers(1, 255))
    changed = whole[:at] if cut else whole[:at] + bytes([whole[at] ^ flip]) + whole[at + 1 :]
    # the check mark itself may be spoilt: then there is no check sum, but all values are there
    network = loaded_or_refused(place, changed)
    if network is not None:
        assert at >= len(whole) - 17
        np.testing.assert_array_equal(network.weight.asnumpy(), Matrix().weight.asnumpy())


@given(st.lists(entries, max_size=5), st.booleans())
def test_entries_that_do_not_belong_or_do_not_hold_what_they_say(place, made, has_information):
    body = b"".join(message(*entry) for entry in made)
    body += told() if has_information else b""
    assert loaded_or_refused(place, with_check_sum(body)) is None


@given(
    st.sampled_from(list(TYPES)),
    st.lists(st.integers(0, 9), min_size=0, max_size=3),
    st.integers(0, 3),
    st.booleans(),
)
def test_arrays_of_any_shape_and_type_are_put_in_place_exactly_or_refused(
    place, kind, shape, seed, right
):
    kind, shape = RIGHT["bias"] if right else (kind, tuple(shape))
    bias, weight = array_of(kind, shape, seed), array_of("Float32", (8, 8), seed)
    body = message("weight", "Float32", (8, 8), weight.tobytes()) + told()
    body += message("bias", kind, shape, bias.tobytes())
    network = loaded_or_refused(place, with_check_sum(body))
    assert (network is not None) == ((kind, shape) == RIGHT["bias"])
    if network is not None:
        np.testing.assert_array_equal(network.bias.asnumpy(), bias)
        np.testing.assert_array_equal(network.weight.asnumpy(), weight)


@given(
    st.one_of(
        st.text(max_size=60),
        st.recursive(
            st.none() | st.integers() | st.text(max_size=5),
            lambda inner: st.lists(inner) | st.dictionaries(keys, inner),
            max_leaves=6,
        ).map(json.dumps),
        st.just("[" * 100_000),
    )
)
def test_any_information(place, text):
    body = b"".join(
        message(name, kind, shape, array_of(kind, shape).tobytes())
        for name, (kind, shape) in RIGHT.items()
    )
    assert loaded_or_refused(place, with_check_sum(body + told(text.replace("\x00", "")))) is None


def test_a_large_array_may_come_in_pieces(place):
    weight, bias = array_of("Float32", (8, 8), 1), array_of("Float32", (8,), 2)
    halves = (weight.tobytes()[:100], weight.tobytes()[100:])
    body = b"".join(message("weight", "Float32", (8, 8), half) for half in halves)
    body += message("bias", "Float32", (8,), bias.tobytes()) + told()
    network = loaded_or_refused(place, with_check_sum(body))
    np.testing.assert_array_equal(network.weight.asnumpy(), weight)
