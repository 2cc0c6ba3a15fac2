"""Files as PyTorch writes them, made without it: Python's pickler and classes of its names."""

import io
import pickle
import struct
import sys
import zipfile
from collections import OrderedDict
from dataclasses import dataclass
from types import ModuleType
from unittest import mock

import numpy as np

MAGIC, PROTOCOL = 0x1950A86A20F9469CFC6C, 1001
MACHINE = {"protocol_version": PROTOCOL, "little_endian": True, "type_sizes": {"int": 4}}
NAMES = {
    "torch": (
        *("DoubleStorage", "FloatStorage", "HalfStorage", "BFloat16Storage", "LongStorage"),
        *("IntStorage", "ShortStorage", "CharStorage", "ByteStorage", "BoolStorage"),
        *("ComplexFloatStorage", "Size", "device", "float16", "bfloat16", "uint16", "Tensor"),
    ),
    "torch.storage": ("UntypedStorage", "_load_from_bytes"),
    "torch._utils": (
        *("_rebuild_tensor", "_rebuild_tensor_v2", "_rebuild_tensor_v3", "_rebuild_parameter"),
        *("_rebuild_parameter_with_state", "_rebuild_sparse_tensor"),
    ),
    "torch._tensor": ("_rebuild_from_type_v2",),
    "torch.nn": (),
    "torch.nn.parameter": ("Parameter",),
    "omegaconf": (),
    "omegaconf.dictconfig": ("DictConfig",),
    "models": ("Network",),
}
STORAGES = {
    "float64": "DoubleStorage",
    "float32": "FloatStorage",
    "float16": "HalfStorage",
    "int64": "LongStorage",
    "int32": "IntStorage",
    "int16": "ShortStorage",
    "int8": "CharStorage",
    "uint8": "ByteStorage",
    "bool": "BoolStorage",
}


def _named(module, name):
    return type(name, (), {"__module__": module, "__qualname__": name})


MODULES = {module: ModuleType(module) for module in NAMES}
for module, names in NAMES.items():
    for name in names:
        setattr(MODULES[module], name, _named(module, name))


def named(full):
    """The class that a pickle refers to by that name."""
    module, _, name = full.rpartition(".")
    return getattr(MODULES[module], name)


@dataclass(frozen=True, eq=False)
class Call:
    """An object whose pickle calls `function` with `arguments`, then sets `state`."""

    function: object
    arguments: tuple
    state: object = None

    def __reduce__(self):
        return (self.function, self.arguments, *(() if self.state is None else (self.state,)))


@dataclass(eq=False)
class Storage:
    """Numbers, as the file has them, under the storage class of `kind`."""

    numbers: np.ndarray
    kind: str
    count: int | None = None
    reference: tuple | None = None


def view(storage, offset, shape, strides, *more):
    rest = more or (False, OrderedDict())
    arguments = (storage, offset, shape, strides, *rest)
    return Call(named("torch._utils._rebuild_tensor_v2"), arguments)


def tensor(array, kind=None):
    """A tensor of a storage of its own, contiguous."""
    array = np.asarray(array)
    strides = tuple(s // array.itemsize for s in np.empty(array.shape, array.dtype).strides)
    storage = Storage(np.ravel(array), kind or STORAGES[array.dtype.name])
    return view(storage, 0, array.shape, strides)


def parameter(inner):
    return Call(named("torch._utils._rebuild_parameter"), (inner, True, OrderedDict()))


class _Pickler(pickle.Pickler):
    def __init__(self, file, protocol):
        super().__init__(file, protocol=protocol)
        self.storages = []

    def persistent_id(self, value):
        if not isinstance(value, Storage):
            return None
        if value not in self.storages:
            self.storages.append(value)
        key = str(self.storages.index(value))
        module = "torch.storage" if value.kind == "UntypedStorage" else "torch"
        count = len(value.numbers) if value.count is None else value.count
        return value.reference or ("storage", named(f"{module}.{value.kind}"), key, "cpu", count)


def pickled(value, protocol=2):
    """The pickle of a value, and the storages that it refers to, whose keys are 0, 1, ..."""
    file = io.BytesIO()
    with mock.patch.dict(sys.modules, MODULES):
        pickler = _Pickler(file, protocol)
        pickler.dump(value)
    return file.getvalue(), pickler.storages


def write_zip(path, value, *, protocol=2, big_endian=False, program=None, more=(), **options):
    """A zip file of PyTorch; `more` are further (name, content), `options` those of `writestr`."""
    made, storages = pickled(value, protocol)
    order = ">" if big_endian else "<"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("net/data.pkl", program or made, **options)
        file.writestr("net/byteorder", "big" if big_endian else "little", **options)
        for key, storage in enumerate(storages):
            content = storage.numbers.astype(storage.numbers.dtype.newbyteorder(order)).tobytes()
            file.writestr(f"net/data/{key}", content, **options)
        file.writestr("net/version", "3\n", **options)
        for name, content in more:
            file.writestr(name, content, **options)
    return path


def write_legacy(path, value, *, protocol=2, program=None, machine=MACHINE):
    """A file of PyTorch before 1.6: five pickles, then for each storage its count and numbers."""
    made, storages = pickled(value, protocol)
    parts = [pickle.dumps(start, 2) for start in (MAGIC, PROTOCOL, machine)]
    parts += [program or made, pickle.dumps([str(key) for key in range(len(storages))], 2)]
    for storage in storages:
        parts += [struct.pack("<q", len(storage.numbers)), storage.numbers.tobytes()]
    path.write_bytes(b"".join(parts))
    return path


WRITERS = {"pytorch": write_zip, "pytorch-legacy": write_legacy}
