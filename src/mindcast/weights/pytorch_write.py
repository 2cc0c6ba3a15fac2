"""A state dict as a zip archive of PyTorch, whose pickle is put together here instruction by
instruction: Python's own pickler would import PyTorch for its names.
"""

from __future__ import annotations

import math
import pickle
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from mindcast.weights.number_types import little_endian
from mindcast.weights.pytorch_names import STORAGES

FOLDER = "archive"
ALIGNMENT = 64  # bytes; where numbers begin in the file, as PyTorch has it
HEADER = 30  # bytes of a member's header before its name
PADDING = b"FB"  # the extra field that only moves what follows it
DATE = (1980, 1, 1, 0, 0, 0)  # the earliest of the format: the same arrays give the same file
STORAGE_OF = {
    kind.dtype: name for name, kind in STORAGES.items() if kind is not None and not kind.is_bfloat16
}
TENSOR = b"ctorch._utils\n_rebuild_tensor_v2\n"
EMPTY = b"ccollections\nOrderedDict\n" + pickle.EMPTY_TUPLE + pickle.REDUCE


def write_archive(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write arrays by name to a new file; ValueError for a number type that PyTorch lacks."""
    for name, array in arrays.items():
        if array.dtype.newbyteorder("=") not in STORAGE_OF:
            raise ValueError(f"{name}: PyTorch has no storage of {array.dtype}")
    with zipfile.ZipFile(path, "w") as file:
        _add(file, "data.pkl", _program(arrays))
        _add(file, "byteorder", b"little")
        for key, array in enumerate(arrays.values()):
            _add(file, f"data/{key}", little_endian(array))
        _add(file, "version", b"3\n")


def _add(file: zipfile.ZipFile, name: str, content: bytes | memoryview) -> None:
    """Add a member, uncompressed, its bytes at a multiple of ALIGNMENT."""
    member = zipfile.ZipInfo(f"{FOLDER}/{name}", DATE)
    member.file_size = len(content)
    start = file.start_dir + HEADER + len(member.filename) + 2 * len(PADDING)
    free = -start % ALIGNMENT
    member.extra = PADDING + free.to_bytes(2, "little") + b"Z" * free
    with file.open(member, "w") as target:
        target.write(content)


def _program(arrays: Mapping[str, np.ndarray]) -> bytes:
    """The pickle: an OrderedDict of tensors, each of a storage of its own."""
    items = [
        _plain(name) + _tensor(str(key), array) for key, (name, array) in enumerate(arrays.items())
    ]
    begin = pickle.PROTO + b"\x02" + EMPTY
    return begin + pickle.MARK + b"".join(items) + pickle.SETITEMS + pickle.STOP


def _tensor(key: str, array: np.ndarray) -> bytes:
    storage = f"ctorch\n{STORAGE_OF[array.dtype.newbyteorder('=')]}\n".encode()
    reference = _tuple(_plain("storage"), storage, _plain(key), _plain("cpu"), _plain(array.size))
    strides = tuple(
        math.prod(max(1, n) for n in array.shape[axis:]) for axis in range(1, array.ndim + 1)
    )
    view = (_plain(0), _plain(array.shape), _plain(strides), _plain(False), EMPTY)
    return TENSOR + _tuple(reference + pickle.BINPERSID, *view) + pickle.REDUCE


def _tuple(*items: bytes) -> bytes:
    return pickle.MARK + b"".join(items) + pickle.TUPLE


def _plain(value: Any) -> bytes:
    """The instructions for a number, a text or a tuple of numbers, without version and end."""
    return pickle.dumps(value, protocol=2)[2:-1]
