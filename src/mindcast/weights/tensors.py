"""Tensors of PyTorch as its files describe them: views of storages that several may share."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from mindcast.weights.faults import Damaged
from mindcast.weights.number_types import NumberType

MOST_AXES = 32  # that a NumPy array has
LARGEST = 1 << 62  # no size or stride is as large


@dataclass(eq=False)
class Storage:
    """The numbers that tensors share: `count` of them; `content`, once it is known, their bytes.

    An untyped one, whose type is None, counts bytes.
    """

    kind: NumberType | None
    count: int
    content: memoryview | None = None
    big_endian: bool = False
    _numbers: dict[NumberType, np.ndarray] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Bytes that it has."""
        return self.count * (self.kind.bytes_each if self.kind else 1)

    def numbers(self, kind: NumberType) -> np.ndarray:
        """All its numbers, one array for whoever asks."""
        if self.content is None or len(self.content) != self.size:
            raise Damaged("a tensor has no numbers")
        if kind not in self._numbers:
            self._numbers[kind] = kind.read(self.content, self.big_endian)
        return self._numbers[kind]


@dataclass(frozen=True, eq=False)
class View:
    """A tensor: where its elements lie in a storage, counted in elements.

    Damaged where an element lies outside the storage.
    """

    storage: Storage
    kind: NumberType
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def __post_init__(self) -> None:
        if len(self.shape) != len(self.strides):
            raise Damaged("a tensor has sizes and strides that are none")
        last = sum((n - 1) * s for n, s in zip(self.shape, self.strides, strict=True))
        available = self.storage.size // self.kind.bytes_each
        if 0 not in self.shape and self.offset + last >= available:
            raise Damaged(f"a tensor of shape {self.shape} lies outside its storage of {available}")

    @property
    def size(self) -> int:
        """Bytes of its elements, those that it repeats counted as often."""
        return math.prod(self.shape) * self.kind.bytes_each

    def array(self) -> np.ndarray:
        """Its elements, read-only; memory is shared with the other views of the storage."""
        numbers = self.storage.numbers(self.kind)
        each = numbers.itemsize
        steps = [s * each if n > 1 else each for n, s in zip(self.shape, self.strides, strict=True)]
        try:
            if 0 in self.shape:
                return np.empty(self.shape, numbers.dtype)
            return np.ndarray(self.shape, numbers.dtype, numbers, self.offset * each, steps)
        except (ValueError, OverflowError):
            raise Damaged("a tensor has sizes and strides that are none") from None
