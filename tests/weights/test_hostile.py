"""Pickles that want more than tensors: refused by name, and nothing of them is run or imported."""

import pickle
import sys
import tracemalloc
from collections import OrderedDict

import numpy as np
import pytest

from mindcast.weights import pickle_program, pytorch_pickle
from tests.weights.reading import refusal
from tests.weights.torch_files import WRITERS, Call, Storage, named, parameter, tensor, view

WITHOUT = "expected tensors, numbers and texts alone, nothing was run; save the state dict alone"


@pytest.fixture(params=sorted(WRITERS))
def refused(request, tmp_path):
    """The function (value or program) -> the line that refuses a file with it."""

    def line(value=None, **options):
        path = WRITERS[request.param](tmp_path / "hostile.pt", value, **options)
        return refusal(path)

    return line


def text(value):
    return pickle.BINUNICODE + len(value.encode()).to_bytes(4, "little") + value.encode()


def program(*instructions):
    return pickle.PROTO + b"\x04" + b"".join(instructions) + pickle.STOP


def name(full):
    module, _, last = full.rpartition(".")
    return pickle.GLOBAL + f"{module}\n{last}\n".encode()


def call(full, *arguments):
    return name(full) + pickle.MARK + b"".join(arguments) + pickle.TUPLE + pickle.REDUCE


@pytest.mark.parametrize(
    "full",
    [
        "os.system",
        "posix.system",
        "nt.system",
        "subprocess.Popen",
        "builtins.eval",
        "builtins.exec",
        "builtins.getattr",
        "builtins.__import__",
        "builtins.open",
        "builtins.frozenset",
        "importlib.import_module",
        "operator.attrgetter",
        "functools.partial",
        "runpy.run_path",
        "copyreg._reconstructor",
        "codecs.decode",
        "torch.load",
        "torch.storage._load_from_bytes",
        "torch.jit.load",
        "torch._utils._rebuild_sparse_tensor",
        "torch._utils._rebuild_tensor_v2.__globals__",
        "torch.ComplexFloatStorage",
        "models.Network",
        "omegaconfident.Network",
        "numpy.load",
    ],
)
def test_a_name_that_is_none_of_tensors_is_refused_by_it(refused, full):
    for hostile in (call(full, text("touch hostile")), name(full)):
        assert f"hostile.pt: holds {full}, {WITHOUT}" in refused(program=program(hostile))


def test_names_that_python_2_used_are_known_by_those_of_today(refused):
    assert "holds builtins.eval, " in refused(program=program(call("__builtin__.eval", text("1"))))


def test_a_name_put_together_from_texts_is_refused_alike(refused):
    stacked = text("os") + text("system") + pickle.STACK_GLOBAL
    assert "holds os.system, " in refused(program=program(stacked))
    dotted = text("collections") + text("OrderedDict.fromkeys") + pickle.STACK_GLOBAL
    assert "holds collections.OrderedDict.fromkeys, " in refused(program=program(dotted))
    no_text = pickle.NONE + text("system") + pickle.STACK_GLOBAL
    assert "holds a name that is no text, " in refused(program=program(no_text))


def test_nothing_is_imported_and_no_command_is_run(refused, tmp_path, monkeypatch):
    (tmp_path / "trap.py").write_text("open('trapped', 'w')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    refused(program=program(call("trap.anything")))
    refused(program=program(call("os.system", text("touch trapped"))))
    refused(program=program(pickle.MARK, text("touch trapped"), pickle.INST, b"os\nsystem\n"))
    assert "trap" not in sys.modules
    assert not (tmp_path / "trapped").exists()


@pytest.mark.parametrize(
    ("instructions", "words"),
    [
        ((pickle.MARK, text("id"), pickle.INST, b"os\nsystem\n"), "os.system"),
        ((pickle.MARK, name("torch.Size"), text("id"), pickle.OBJ), "the instruction OBJ"),
        (
            (name("torch.Size"), pickle.EMPTY_TUPLE, pickle.EMPTY_DICT, pickle.NEWOBJ_EX),
            "the instruction NEWOBJ_EX",
        ),
        ((pickle.EXT1, b"\x01"), "the instruction EXT1"),
        ((pickle.PERSID, b"anything\n"), "the instruction PERSID"),
        ((pickle.EMPTY_SET,), "the instruction EMPTY_SET"),
        ((pickle.NEXT_BUFFER,), "the instruction NEXT_BUFFER"),
        ((text("id"), pickle.EMPTY_TUPLE, pickle.REDUCE), "a call of what has no name (str)"),
        ((name("torch.Size"), text("id"), pickle.REDUCE), "a call of what has no name"),
        (
            (pickle.EMPTY_LIST, pickle.EMPTY_DICT, pickle.BUILD),
            "attributes of what has none (list)",
        ),
        ((pickle.EMPTY_DICT, pickle.NONE, pickle.BUILD), "attributes of what has none (dict)"),
        ((pickle.EMPTY_TUPLE, pickle.NONE, pickle.APPEND), "appends to what is no list (tuple)"),
        ((pickle.EMPTY_LIST, text("a"), pickle.NONE, pickle.SETITEM), "no dict (list)"),
        (
            (pickle.EMPTY_DICT, pickle.EMPTY_TUPLE, pickle.NONE, pickle.SETITEM),
            "a key that is no text or number (tuple)",
        ),
        ((call("collections.OrderedDict", pickle.NONE),), "collections.OrderedDict with arguments"),
        ((call("collections.Counter", pickle.NONE),), "collections.Counter with arguments"),
        ((call("torch.Size", text("ab")),), "torch.Size with arguments that are not its own"),
        ((call("torch.device", pickle.NONE),), "torch.device with arguments that are not its own"),
        ((call("torch.Tensor", pickle.NONE),), "torch.Tensor with arguments that are not its own"),
        ((call("torch.Size", *[pickle.NONE] * 17),), "torch.Size with 17 arguments"),
        ((call("torch._utils._rebuild_parameter", text("a")),), "torch._utils._rebuild_parameter"),
        ((call("torch._utils._rebuild_tensor_v2"),), "torch._utils._rebuild_tensor_v2 with"),
        ((text("a"), pickle.BINPERSID), "a reference to something that is no storage"),
        ((name("torch.FloatStorage"),), "no tensors by name"),
    ],
)
def test_an_instruction_that_tensors_do_not_need_is_refused(refused, instructions, words):
    assert words in refused(program=program(*instructions))


def storage(reference=None, count=None):
    return Storage(np.ones(4, np.float32), "FloatStorage", count, reference)


@pytest.mark.parametrize(
    "reference",
    [
        "storage",
        ("storage",),
        ("module", "Network", "network.py", "import os"),
        ("storage", "FloatStorage", "0", "cpu", 4),
        ("storage", named("torch.FloatStorage"), 0, "cpu", 4),
        ("storage", named("torch.FloatStorage"), "0", "cpu", "4"),
        ("storage", named("torch.FloatStorage"), "0", "cpu", 4, ("0", 1, 2)),
        ("storage", named("torch.FloatStorage"), "0", "cpu"),
    ],
    ids=repr,
)
def test_a_reference_that_is_not_to_a_storage_is_refused(refused, reference):
    line = refused({"a": view(storage(reference), 0, (4,), (1,))})
    assert f"holds a reference to something that is no storage, {WITHOUT}" in line


@pytest.mark.parametrize(
    ("offset", "shape", "strides"),
    [
        (1, (4,), (1,)),
        (4, (), ()),
        (0, (2, 3), (3, 1)),
        (0, (2,), (4,)),
        (0, (1 << 40,), (1,)),
    ],
)
def test_a_tensor_that_reaches_out_of_its_storage_is_refused(refused, offset, shape, strides):
    line = refused({"a": view(storage(), offset, shape, strides)})
    assert "lies outside its storage of 4); use another copy" in line


def test_a_tensor_whose_sizes_and_strides_do_not_belong_together_is_refused(refused):
    assert "a tensor has sizes and strides that are none" in refused(
        {"a": view(storage(), 0, (2, 2), (1,))}
    )
    # no elements, and yet more than an index can count along the other axis
    assert "a tensor has sizes and strides that are none" in refused(
        {"a": view(storage(), 0, (0, 1 << 61, 1 << 61), (1, 1, 1))}
    )


@pytest.mark.parametrize(
    "arguments",
    [
        (-1, (2,), (1,)),
        (0, (-1,), (1,)),
        (3, (2,), (-1,)),
        (0, (2.0,), (1,)),
        (0, (True,), (1,)),
        (0, [2], [1]),
        ("0", (2,), (1,)),
        (0, (1,) * 33, (1,) * 33),
        (0, (1 << 62,), (0,)),
    ],
    ids=repr,
)
def test_odd_arguments_of_a_tensor_are_refused(refused, arguments):
    line = refused({"a": view(storage(), *arguments)})
    assert "_rebuild_tensor_v2 with arguments that are not its own" in line


def test_a_tensor_whose_numbers_mean_others_is_refused(refused):
    marked = view(storage(), 0, (4,), (1,), False, OrderedDict(), {"neg": True})
    assert "holds a tensor with marks that change its numbers" in refused({"a": marked})


def test_a_tensor_of_another_class_is_refused(refused):
    arguments = (parameter(tensor(np.ones(1))), 0)
    for function in (named("torch.Size"), named("torch._tensor._rebuild_from_type_v2")):
        of_type = (function, named("torch.Tensor"), arguments, {})
        line = refused({"a": Call(named("torch._tensor._rebuild_from_type_v2"), of_type)})
        assert "holds torch._tensor._rebuild_from_type_v2 with arguments" in line


def test_a_storage_outside_of_a_tensor_is_refused(refused):
    assert "holds a storage outside of a tensor" in refused({"a": storage()})


def test_a_file_whose_tensors_have_no_names_is_refused(refused):
    for value in ([tensor(np.ones(1))], tensor(np.ones(1)), {0: tensor(np.ones(1))}, "weights"):
        assert "holds no tensors by name; save the state dict of the network" in refused(value)


def test_values_that_are_shared_again_and_again_are_refused(refused, monkeypatch):
    monkeypatch.setattr(pytorch_pickle, "MOST_VALUES", 1000)
    doubling = []
    for _ in range(60):  # two to the power of 60 lists, were they looked at one by one
        doubling = [doubling, doubling]
    assert "hostile.pt: is nested over 64 deep or has over 1000 values" in refused({"a": doubling})


def test_values_that_are_nested_without_end_are_refused(refused):
    itself = {}
    itself["itself"] = itself
    assert "hostile.pt: is nested over 64 deep" in refused(itself)
    deep = pickle.EMPTY_LIST * 10_000 + pickle.APPEND * 9_999
    held = program(pickle.EMPTY_DICT, text("a"), deep, pickle.SETITEM)
    assert "hostile.pt: is nested over 64 deep" in refused(program=held)


def test_a_tensor_that_repeats_one_number_beyond_memory_is_refused(refused):
    for shape in ((1 << 60,), (1 << 20, 1 << 20), (1 << 30,)):
        line = refused({"a": view(storage(), 0, shape, (0,) * len(shape))})
        assert "its tensors repeat over 256 MiB of numbers; save clones of them" in line


def test_many_tensors_that_repeat_a_little_are_refused_together(refused):
    # each is 64 MiB of one number: the fifth is beyond the 256 MiB
    repeated = {str(n): view(storage(), 0, (1 << 24,), (0,)) for n in range(5)}
    assert "its tensors repeat over 256 MiB of numbers" in refused(repeated)


def test_a_storage_that_says_it_is_huge_takes_no_memory(refused):
    tracemalloc.start()
    try:
        line = refused({"a": view(storage(count=1 << 40), 0, (1 << 40,), (1,))})
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert "storage 0 " in line
    assert peak < 1 << 22


def test_a_storage_of_two_sizes_or_types_is_refused(refused):
    types = named("torch.FloatStorage"), named("torch.IntStorage")
    for kind, count in ((types[0], 3), (types[1], 4), (types[0], -1), (types[0], 1 << 62)):
        second = storage(("storage", kind, "0", "cpu", count))
        value = {"a": view(storage(), 0, (4,), (1,)), "b": view(second, 0, (1,), (1,))}
        assert "storage 0 has two sizes or types" in refused(value)


def test_a_pickle_of_too_many_instructions_is_refused(refused, monkeypatch):
    monkeypatch.setattr(pickle_program, "MOST_INSTRUCTIONS", 100)
    assert "more than 100 instructions" in refused({"a": [0.5] * 100})


def test_copies_of_long_texts_and_names_are_not_made(refused):
    assert "torch.device with" in refused(
        program=program(call("torch.device", text("c" * 500), pickle.BININT1 + b"\x01"))
    )
    long = program(text("omegaconf." + "c" * 500), text("d"), pickle.STACK_GLOBAL)
    assert f"holds omegaconf.{'c' * 70}..., " in refused(program=long)


@pytest.mark.parametrize(
    "instructions",
    [
        (pickle.POP,),
        (pickle.TUPLE,),
        (pickle.BINGET, b"\x05"),
        (pickle.NONE, pickle.NONE),
        (pickle.MARK, pickle.NONE),
        (pickle.EMPTY_DICT, pickle.MARK, pickle.NONE, pickle.SETITEMS),
        (pickle.BINUNICODE, b"\xff\xff\xff\x7fa"),
        (pickle.LONG4, b"\xff\xff\xff\xff"),
        (pickle.BINUNICODE, b"\x01\0\0\0\xff"),
        (b"\xfe",),
        (pickle.INT, b"9" * 5000 + b"\n"),
    ],
    ids=repr,
)
def test_a_pickle_that_contradicts_itself_is_refused(refused, instructions):
    line = refused(program=program(*instructions))
    assert "its pickle " in line
    assert "use another copy" in line
