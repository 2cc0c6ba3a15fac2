"""What lies in a checkpoint file of MindSpore, read so that no content of it can do harm.

Differs: `mindspore.load_checkpoint` copies what a file says it holds by the shape that it says it
has, and damages the memory of the process where the two do not agree.
"""

from __future__ import annotations

import math
import sys
import zlib
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from mindcast.weights.faults import Damaged

CHECK_MARK, CHECK_BYTES = b"crc_num", 10  # the file ends with the mark and a CRC-32, big-endian
TEXT = "str"  # UTF-32 in the byte order of this machine
TYPES = {
    "Int8": np.int8,
    "UInt8": np.uint8,
    "Int16": np.int16,
    "UInt16": np.uint16,
    "Int32": np.int32,
    "UInt32": np.uint32,
    "Int64": np.int64,
    "UInt64": np.uint64,
    "Float16": np.float16,
    "Float32": np.float32,
    "Float64": np.float64,
    "Bool": np.bool_,
}


# the messages of the format (protobuf): name -> its fields, each with number, label and type
MESSAGES = {
    "Checkpoint": (("value", 1, "repeated", "Value"),),
    "Value": (("tag", 1, "required", "string"), ("tensor", 2, "optional", "TensorProto")),
    "TensorProto": (
        ("dims", 1, "repeated", "int64"),
        ("tensor_type", 2, "required", "string"),
        ("tensor_content", 3, "required", "bytes"),
    ),
}


def parse(content: bytes) -> dict[str, np.ndarray | str]:
    """Arrays and texts by name. Damaged, with the reason, for what is not wholly a checkpoint.

    A check sum that is not that of the content is refused; a file without one is not.
    """
    # late: MindSpore, when it is loaded, chooses the kind of protobuf that its messages need
    from google.protobuf.message import DecodeError

    entries: dict[str, np.ndarray | str] = {}
    messages = _message_type()()
    try:
        messages.ParseFromString(_checked(content))
    except DecodeError:
        raise Damaged("its content cannot be parsed") from None
    # a large array comes in several messages of one name
    for name, pieces in groupby(messages.value, key=lambda message: str(message.tag)):
        if name in entries:
            raise Damaged(f"it holds {name!r} twice")
        tensors = [piece.tensor for piece in pieces]
        whole = b"".join(tensor.tensor_content for tensor in tensors)
        entries[name] = _entry(name, tensors[0].tensor_type, list(tensors[0].dims), whole)
    if not entries:
        raise Damaged("it holds nothing")
    return entries


def read_mindspore(path: Path) -> dict[str, np.ndarray | str]:
    """Arrays and texts by name, of a file; see `parse`."""
    return parse(path.read_bytes())


@cache
def _message_type() -> Any:
    """The class of the message that a file is."""
    from google.protobuf import descriptor_pool, message_factory
    from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto

    file = FileDescriptorProto(name="checkpoint.proto")
    for message, fields in MESSAGES.items():
        described = file.message_type.add(name=message)
        for name, number, label, kind in fields:
            field = described.field.add(name=name, number=number)
            field.label = FieldDescriptorProto.Label.Value(f"LABEL_{label.upper()}")
            if kind in MESSAGES:
                field.type, field.type_name = FieldDescriptorProto.TYPE_MESSAGE, f".{kind}"
            else:
                field.type = FieldDescriptorProto.Type.Value(f"TYPE_{kind.upper()}")
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("Checkpoint"))


def _checked(content: bytes) -> bytes:
    """The content without its check sum."""
    end = len(content) - CHECK_BYTES
    body = content[: max(0, end - len(CHECK_MARK))]
    if content[len(body) : end] != CHECK_MARK:
        return content
    if zlib.crc32(body) != int.from_bytes(content[end:], "big"):
        raise Damaged("its check sum is wrong")
    return body


def _entry(name: str, kind: str, shape: list[int], content: bytes) -> np.ndarray | str:
    if kind == TEXT:
        try:
            return content.decode(f"utf-32-{sys.byteorder[0]}e")
        except UnicodeDecodeError:
            raise Damaged(f"{name!r} is no text") from None
    if kind not in TYPES:
        raise Damaged(f"{name!r} has the unknown type {kind!r}")
    dtype = np.dtype(TYPES[kind])
    shape = [] if shape == [0] else shape  # so MindSpore once wrote scalars
    if any(n < 0 for n in shape) or len(content) != math.prod(shape) * dtype.itemsize:
        raise Damaged(f"{name!r} holds {len(content)} bytes, which is no {kind} of shape {shape}")
    return np.frombuffer(content, dtype).reshape(shape)
