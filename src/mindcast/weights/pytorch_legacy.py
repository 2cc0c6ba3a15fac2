"""PyTorch files before 1.6: five pickles in a row, then the storages."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

from mindcast.weights.faults import Damaged, shown
from mindcast.weights.mapped import map_file
from mindcast.weights.pytorch_pickle import Storages, load, settled
from mindcast.weights.tensors import Storage

MAGIC = 0x1950A86A20F9469CFC6C
SIGNATURE = b"\x80\x02\x8a\x0a" + MAGIC.to_bytes(10, "little")  # how a file begins
FORMAT = 1001
COUNT = struct.Struct("<q")


def read_legacy(path: Path) -> Any:
    """What a file of that kind holds. Damaged, Forbidden, Unfit."""
    content = map_file(path)
    with path.open("rb") as file:
        _check_start([load(file, _no_storage) for _ in range(3)])
        storages = Storages()
        value = load(file, storages)
        order = load(file, _no_storage)
        position = file.tell()
    if not isinstance(order, list) or not all(type(key) is str for key in order):
        raise Damaged("its list of storages is none")
    if len(order) != len(storages.by_key) or set(order) != storages.by_key.keys():
        raise Damaged("its list of storages is not that of its tensors")
    for key in order:
        position = _place(content, position, key, storages.by_key[key])
    if position != len(content):
        raise Damaged(f"{len(content) - position} bytes are left over at its end")
    return settled(value)


def _check_start(start: list[Any]) -> None:
    """The first three pickles: the mark of the format, its version and the machine."""
    match start:
        case [mark, version, {"little_endian": True}] if (mark, version) == (MAGIC, FORMAT):
            return
    raise Damaged("it is of an unknown version or byte order")


def _place(content: memoryview, position: int, key: str, storage: Storage) -> int:
    """Set where the numbers of a storage lie; the position behind them."""
    start = position + COUNT.size
    end = start + storage.size
    if end > len(content):
        raise Damaged(f"storage {shown(key)} ends after the file")
    (count,) = COUNT.unpack(content[position:start])
    if count != storage.count:
        raise Damaged(f"storage {shown(key)} has {count} numbers, expected {storage.count}")
    storage.content = content[start:end]
    return end


def _no_storage(reference: Any) -> Any:
    raise Damaged("it refers to a storage where there is none")
