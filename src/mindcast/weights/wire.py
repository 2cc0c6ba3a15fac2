"""Messages of protobuf, as their bytes lie in a file.

Differs: the library of that name copies a message several times and takes none above 2 GiB.
"""

from __future__ import annotations

from collections.abc import Iterator

from mindcast.weights.faults import Damaged

VARINT, LENGTH = 0, 2
FIXED = {1: 8, 5: 4}  # kind of a field -> its bytes
VARINT_BITS = 64


def fields(message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """(number, value) of each field of a message, in its order: a number or a run of bytes."""
    position = 0
    while position < len(message):
        key, position = _varint(message, position)
        if key & 7 == VARINT:
            number, position = _varint(message, position)
            yield key >> 3, number
            continue
        if key & 7 == LENGTH:
            size, position = _varint(message, position)
        elif key & 7 in FIXED:
            size = FIXED[key & 7]
        else:
            raise Damaged("its content cannot be parsed")
        if size > len(message) - position:
            raise Damaged("its content cannot be parsed")
        yield key >> 3, message[position : position + size]
        position += size


def signed(value: int | memoryview) -> list[int]:
    """The numbers of a field of signed ones: one, or many packed into a run of bytes."""
    numbers = [value] if isinstance(value, int) else []
    position = 0
    while not isinstance(value, int) and position < len(value):
        number, position = _varint(value, position)
        numbers.append(number)
    half = 1 << (VARINT_BITS - 1)
    return [number - 2 * half if number >= half else number for number in numbers]


def number_field(field: int, number: int) -> bytes:
    """The bytes of a field that holds a number of 0 or more."""
    return _bytes_of(field << 3 | VARINT) + _bytes_of(number)


def run_head(field: int, size: int) -> bytes:
    """What comes before the bytes of a field that holds a run of `size` of them."""
    return _bytes_of(field << 3 | LENGTH) + _bytes_of(size)


def run_field(field: int, content: bytes) -> bytes:
    """The bytes of a field that holds a run of bytes."""
    return run_head(field, len(content)) + content


def _varint(message: memoryview, position: int) -> tuple[int, int]:
    """A number of seven bits a byte, the lowest first, and the position behind it."""
    number = 0
    for shift in range(0, VARINT_BITS, 7):
        if position >= len(message):
            break
        byte = message[position]
        position += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number & ((1 << VARINT_BITS) - 1), position
    raise Damaged("its content cannot be parsed")


def _bytes_of(number: int) -> bytes:
    content = bytearray()
    while number >= 0x80:
        content.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*content, number])
