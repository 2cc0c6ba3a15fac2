"""Checkpoint files of MindSpore, read so that no content of them can do harm, and written.

Differs: `mindspore.load_checkpoint` copies what a file says it holds by the shape that it says it
has, and damages the memory of the process where the two do not agree. A file written here is byte
for byte that of `mindspore.save_checkpoint` with a check sum.
"""

from __future__ import annotations

import math
import sys
import zlib
from collections.abc import Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from mindcast.weights import number_types as types
from mindcast.weights import wire
from mindcast.weights.faults import Damaged, shown
from mindcast.weights.mapped import forget, map_file
from mindcast.weights.number_types import little_endian

CHECK_MARK, CHECK_BYTES = b"crc_num", 10  # the file ends with the mark and a CRC-32, big-endian
TEXT = "str"  # UTF-32 in the byte order of this machine
TYPES = {
    "Int8": types.INT8,
    "UInt8": types.UINT8,
    "Int16": types.INT16,
    "UInt16": types.UINT16,
    "Int32": types.INT32,
    "UInt32": types.UINT32,
    "Int64": types.INT64,
    "UInt64": types.UINT64,
    "Float16": types.FLOAT16,
    "BFloat16": types.BFLOAT16,
    "Float32": types.FLOAT32,
    "Float64": types.FLOAT64,
    "Bool": types.BOOL,
}
# the numbers of the fields: a file is values, a value is a tag and a tensor
VALUE = 1
TAG, TENSOR = 1, 2
DIMS, KIND, CONTENT = 1, 2, 3
NO_SHAPE = (0,)  # that of texts
LARGEST_PIECE = 1 << 29  # bytes; a larger array comes in several values of one tag
Piece = tuple[str, str, list[int], memoryview]  # tag, kind, shape of the whole, bytes


def read_mindspore(path: Path) -> dict[str, np.ndarray | str]:
    """Arrays and texts by name, see `parse`; arrays that lie at whole numbers of their size stay in
    the mapped file. OSError."""
    content = map_file(path)
    entries = parse(content)
    forget(content)
    return entries


def read_text(path: Path, name: str) -> str | None:
    """The text of that name, whatever the size of all else, which is not looked at; None without.

    Damaged for a file that ends too soon; its check sum is not compared. OSError.
    """
    content = map_file(path)
    body, _ = _parted(memoryview(content))
    found = None
    for tag, kind, shape, piece in _pieces(body):
        if tag == name and kind == TEXT:
            found = str(_entry(tag, kind, shape, piece))
    return found


def parse(content: bytes | memoryview) -> dict[str, np.ndarray | str]:
    """Arrays and texts by name. Damaged, with the reason, for what is not wholly a checkpoint.

    A check sum that is not that of the content is refused; a file without one is not.
    """
    entries: dict[str, np.ndarray | str] = {}
    pieces = _pieces(_checked(memoryview(content)))
    for name, group in groupby(pieces, key=lambda piece: piece[0]):
        if name in entries:
            raise Damaged(f"it holds {shown(name)!r} twice")
        (_, kind, shape, first), *rest = group
        whole = memoryview(b"".join((first, *(piece[3] for piece in rest)))) if rest else first
        entries[name] = _entry(name, kind, shape, whole)
    if not entries:
        raise Damaged("it holds nothing")
    return entries


def write_entries(path: Path, entries: Mapping[str, np.ndarray | str]) -> None:
    """Write arrays and texts by name, one after the other, so that no copy of all is made.

    ValueError for a number type that MindSpore lacks, OSError where it cannot be written.
    """
    check = 0
    with path.open("wb") as file:
        for name, entry in entries.items():
            kind, shape, content = _encoded(name, entry)
            for begin in range(0, max(1, len(content)), LARGEST_PIECE):
                piece = content[begin : begin + LARGEST_PIECE]
                for part in (_head(name, kind, shape, len(piece)), piece):
                    check = zlib.crc32(part, check)
                    file.write(part)
        file.write(CHECK_MARK + check.to_bytes(CHECK_BYTES, "big"))


def _encoded(name: str, entry: np.ndarray | str) -> tuple[str, tuple[int, ...], memoryview]:
    """The type, shape and bytes of an entry."""
    if isinstance(entry, str):
        return TEXT, NO_SHAPE, memoryview(entry.encode(f"utf-32-{sys.byteorder[0]}e"))
    native = entry.dtype.newbyteorder("=")
    for kind, numbers in TYPES.items():
        if numbers.dtype == native and not numbers.is_bfloat16:
            return kind, entry.shape, little_endian(entry)
    raise ValueError(f"{name}: MindSpore has no tensors of {entry.dtype}")


def _head(name: str, kind: str, shape: tuple[int, ...], size: int) -> bytes:
    """The bytes of a value before the content of its tensor, which is what it ends with."""
    tensor = b"".join(wire.number_field(DIMS, n) for n in shape)
    tensor += wire.run_field(KIND, kind.encode()) + wire.run_head(CONTENT, size)
    value = wire.run_field(TAG, name.encode()) + wire.run_head(TENSOR, len(tensor) + size) + tensor
    return wire.run_head(VALUE, len(value) + size) + value


def _pieces(body: memoryview) -> Iterator[Piece]:
    for number, value in wire.fields(body):
        if number == VALUE:
            tag, tensor = _members(value, TAG, TENSOR)
            dims = [value for number, value in wire.fields(_run(tensor)) if number == DIMS]
            kind, content = _members(tensor, KIND, CONTENT)
            shape = [n for value in dims for n in wire.signed(value)]
            yield _text(tag), _text(kind), shape, _run(content)


def _members(message: Any, *numbers: int) -> list[Any]:
    """The fields of a message that must be there once."""
    found = [(n, value) for n, value in wire.fields(_run(message)) if n in numbers]
    if sorted(n for n, _ in found) != sorted(numbers):
        raise Damaged("its content cannot be parsed")
    return [dict(found)[n] for n in numbers]


def _run(value: Any) -> memoryview:
    if not isinstance(value, memoryview):
        raise Damaged("its content cannot be parsed")
    return value


def _text(value: Any) -> str:
    try:
        return bytes(_run(value)).decode()
    except UnicodeDecodeError:
        raise Damaged("its content cannot be parsed") from None


def _checked(content: memoryview) -> memoryview:
    """The content without its check sum."""
    body, check = _parted(content)
    if check is not None and zlib.crc32(body) != check:
        raise Damaged("its check sum is wrong")
    return body


def _parted(content: memoryview) -> tuple[memoryview, int | None]:
    """The content, and its check sum if there is one."""
    end = len(content) - CHECK_BYTES
    body = content[: max(0, end - len(CHECK_MARK))]
    if content[len(body) : end] != CHECK_MARK:
        return content, None
    return body, int.from_bytes(content[end:], "big")


def _entry(name: str, kind: str, shape: list[int], content: memoryview) -> np.ndarray | str:
    if kind == TEXT:
        try:
            return bytes(content).decode(f"utf-32-{sys.byteorder[0]}e")
        except UnicodeDecodeError:
            raise Damaged(f"{shown(name)!r} is no text") from None
    if kind not in TYPES:
        raise Damaged(f"{shown(name)!r} has the unknown type {shown(kind)!r}")
    shape = [] if shape == [0] and len(content) else shape  # so MindSpore once wrote scalars
    size = math.prod(shape) * TYPES[kind].bytes_each
    if any(n < 0 for n in shape) or len(content) != size:
        raise Damaged(
            f"{shown(name)!r} holds {len(content)} bytes, which is no {kind} of shape {shape}"
        )
    return TYPES[kind].shaped(content, shape)
