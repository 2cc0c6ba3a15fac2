"""How long a classic NetCDF file must be, by its header.

The library that reads CDF-5 takes what lies behind the end of a file for zeros.
"""

from __future__ import annotations

import math
import struct
from pathlib import Path
from typing import BinaryIO

SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 4, 6: 8, 7: 1, 8: 2, 9: 4, 10: 8, 11: 8}  # of types, bytes
STREAMING = (0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF)  # a number of records that was never filled in


class _Header:
    """Reads the fields of a header one after the other."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        version = file.read(4)[3]
        self.count_size = 8 if version == 5 else 4
        self.offset_size = 4 if version == 1 else 8

    def number(self, size: int) -> int:
        return int(struct.unpack(">I" if size == 4 else ">Q", self.file.read(size))[0])

    def count(self) -> int:
        return self.number(self.count_size)

    def items(self) -> range:
        """The indices of a list: its tag is skipped."""
        self.number(4)
        return range(self.count())

    def skip(self, length: int) -> None:
        """Bytes, and what fills them up to a multiple of four."""
        self.file.seek(-(-length // 4) * 4, 1)

    def attributes(self) -> None:
        for _ in self.items():
            self.skip(self.count())
            size = SIZES[self.number(4)]
            self.skip(size * self.count())


def promised_size(path: Path) -> int | None:
    """Bytes to the end of the last value; None where the header does not show it."""
    with path.open("rb") as file:
        header = _Header(file)
        try:
            return _end(header)
        except (struct.error, LookupError, OverflowError, ValueError, OSError):
            return None  # damaged, which the library that opens it reports


def _end(header: _Header) -> int | None:
    records = header.count()
    lengths = []
    for _ in header.items():
        header.skip(header.count())
        lengths.append(header.count())
    header.attributes()
    ends, record = [0], []
    for _ in header.items():
        header.skip(header.count())
        shape = [lengths[header.count()] for _ in range(header.count())]
        header.attributes()
        size = SIZES[header.number(4)]
        header.count()  # its size, which is cut off where it is large
        begin = header.number(header.offset_size)
        if shape and shape[0] == 0:
            record.append((begin, size * math.prod(shape[1:])))
        else:
            ends.append(begin + size * math.prod(shape))
    if record and records in STREAMING:
        return None
    if record and records:
        padded = [-(-size // 4) * 4 for _, size in record]
        step = sum(padded) if len(record) > 1 else record[0][1]
        ends += [begin + (records - 1) * step + size for begin, size in record]
    return max(ends)
