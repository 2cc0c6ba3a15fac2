"""The number types that tensors of files have, and their values as NumPy holds them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mindcast.weights.faults import Damaged


@dataclass(frozen=True)
class NumberType:
    """How numbers lie in a file: `stored` little-endian or of one byte, and what they mean."""

    name: str
    stored: str
    is_bfloat16: bool = False
    is_bool: bool = False

    @property
    def bytes_each(self) -> int:
        """Bytes of one number in the file."""
        return np.dtype(self.stored).itemsize

    @property
    def dtype(self) -> np.dtype:
        """The type that the numbers have once they are read."""
        return np.dtype("float32" if self.is_bfloat16 else self.name)

    def shaped(self, content: memoryview, shape: Sequence[int]) -> np.ndarray:
        """The numbers of `content` as an array of that shape, see `read`; else Damaged."""
        numbers = self.read(content)
        if any(n < 0 for n in shape) or math.prod(shape) != numbers.size:
            raise Damaged(f"{len(content)} bytes are no {self.name} of shape {list(shape)}")
        try:
            return numbers.reshape(shape)
        except (ValueError, OverflowError):  # too many axes, or one too long beside one of none
            raise Damaged(f"a tensor has the shape {list(shape)}") from None

    def read(self, content: memoryview, big_endian: bool = False) -> np.ndarray:
        """The numbers of `content`, one-dimensional, read-only and exact.

        They stay where they are, in the mapped file, where NumPy can take them from there; bfloat16
        becomes float32, which holds each of its values.
        """
        kind = np.dtype(self.stored)
        numbers = np.frombuffer(content, kind.newbyteorder(">") if big_endian else kind)
        if self.is_bfloat16:
            numbers = (numbers.astype(np.uint32) << 16).view(np.float32)
        elif self.is_bool:
            numbers = numbers != 0
        elif not numbers.flags.aligned or not numbers.dtype.isnative:
            numbers = numbers.astype(kind.newbyteorder("="))
        numbers.flags.writeable = False
        return numbers


def little_endian(array: np.ndarray) -> memoryview:
    """The bytes of an array as files have them, without a copy where it lies so in memory."""
    dense = np.asarray(array, array.dtype.newbyteorder("<"), order="C")
    return dense.reshape(-1).view(np.uint8).data


FLOAT64, FLOAT32 = NumberType("float64", "<f8"), NumberType("float32", "<f4")
FLOAT16, BFLOAT16 = NumberType("float16", "<f2"), NumberType("bfloat16", "<u2", is_bfloat16=True)
INT64, INT32 = NumberType("int64", "<i8"), NumberType("int32", "<i4")
INT16, INT8 = NumberType("int16", "<i2"), NumberType("int8", "i1")
UINT64, UINT32 = NumberType("uint64", "<u8"), NumberType("uint32", "<u4")
UINT16, UINT8 = NumberType("uint16", "<u2"), NumberType("uint8", "u1")
BOOL = NumberType("bool", "u1", is_bool=True)
ALL = (
    *(FLOAT64, FLOAT32, FLOAT16, BFLOAT16, BOOL),
    *(INT64, INT32, INT16, INT8, UINT64, UINT32, UINT16, UINT8),
)
