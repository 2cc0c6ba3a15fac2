"""PyTorch files since 1.6: a zip archive of a pickle and one member for each storage."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Any

from mindcast.weights.faults import Damaged, Forbidden, Unfit, shown
from mindcast.weights.mapped import map_file
from mindcast.weights.pytorch_pickle import Storages, load, settled

SIGNATURE = b"PK\x03\x04"
PROGRAM = "data.pkl"
SCRIPTED = "constants.pkl"  # only TorchScript archives have it
LONGEST_LIST = 1 << 24  # bytes; a storage takes some 70
EXPANSION = 4  # times the size of the file that its compressed members may have together
SMALL = 1 << 24  # bytes that they may have in any case
SAVE_ANEW = "save the weights anew with torch.save"
ENCRYPTED = 1  # flag bit of a member
# what `zipfile` raises where its list of contents is not one
_UNREADABLE = (
    *(zipfile.BadZipFile, struct.error, NotImplementedError),
    *(ValueError, EOFError, OverflowError, OSError),
)
HEADER = struct.Struct("<4s22xHH")  # of a member: signature, lengths of its name and extra field


def read_zip(path: Path) -> Any:
    """What a file of that kind holds. Damaged, Forbidden, Unfit."""
    archive = _Archive(path)
    if archive.has(SCRIPTED):
        raise Forbidden("TorchScript, which is a program")
    storages = Storages()
    value = load(bytes(archive.member(PROGRAM)), storages)
    big_endian = _is_big_endian(archive)
    for key, storage in storages.by_key.items():
        storage.content = archive.member(f"data/{key}")
        storage.big_endian = big_endian
        if len(storage.content) != storage.size:
            found = len(storage.content)
            raise Damaged(f"storage {shown(key)} has {found} bytes, expected {storage.size}")
    return settled(value)


def _is_big_endian(archive: _Archive) -> bool:
    if not archive.has("byteorder"):
        return False  # PyTorch before 2.1
    order = bytes(archive.member("byteorder"))
    if order not in (b"little", b"big"):
        raise Damaged(f"its byte order is {shown(order)}, expected little or big")
    return order == b"big"


class _Listed(io.FileIO):
    """A file of which `zipfile` reads the list of contents, ten times as large in memory."""

    def read(self, size: int | None = -1, /) -> bytes:
        """As of every file. Unfit where the list is longer than that of any network."""
        if size is not None and size > LONGEST_LIST:
            raise Unfit(f"its list of contents has {size >> 10} KiB; {SAVE_ANEW}")
        return super().read(size) or b""


class _Archive:
    """The members of a zip file, all in one folder whose name does not matter."""

    def __init__(self, path: Path) -> None:
        self.content = map_file(path)
        try:
            with _Listed(path) as listed, zipfile.ZipFile(listed) as file:
                members = file.infolist()
        except Unfit:
            raise
        except _UNREADABLE:
            raise Damaged("its list of contents is missing") from None
        self.members = {member.filename: member for member in members}
        self.folder = self._folder()
        if len(self.members) < len(members):
            raise Damaged("it has two contents of one name")
        for member in members:
            _check(member)
        self._check_sizes(len(self.content))

    def _folder(self) -> str:
        found = [name for name in self.members if name.rpartition("/")[2] == PROGRAM]
        if len(found) != 1:
            number = len(found) or "no"
            raise Unfit(f"a zip file with {number} {PROGRAM}, PyTorch's have one; {SAVE_ANEW}")
        return found[0].removesuffix(PROGRAM)

    def _check_sizes(self, size: int) -> None:
        packed = [m for m in self.members.values() if m.compress_type != zipfile.ZIP_STORED]
        unpacked = sum(member.file_size for member in packed)
        if unpacked > max(SMALL, EXPANSION * size):
            size_there = f"{unpacked >> 20} MiB, over {EXPANSION} times its size"
            raise Unfit(f"a file that would unpack to {size_there}; {SAVE_ANEW}")

    def has(self, name: str) -> bool:
        return self.folder + name in self.members

    def member(self, name: str) -> memoryview:
        """The bytes of a member, checked by its check sum; mapped where it is not compressed."""
        if not self.has(name):
            raise Damaged(f"{shown(name)} is missing in it")
        member = self.members[self.folder + name]
        content = self._packed(member)
        if member.compress_type == zipfile.ZIP_DEFLATED:
            content = _unpacked(content, member)
        if len(content) != member.file_size or zlib.crc32(content) != member.CRC:
            raise Damaged(f"the check sum of {shown(name)} is wrong")
        return content

    def _packed(self, member: zipfile.ZipInfo) -> memoryview:
        """The bytes of a member as they lie in the file."""
        try:
            signature, name, extra = HEADER.unpack_from(self.content, member.header_offset)
        except (struct.error, OverflowError):
            raise Damaged(f"{shown(member.filename)} lies outside of it") from None
        if signature != SIGNATURE:
            raise Damaged(f"{shown(member.filename)} is not where it should be")
        start = member.header_offset + HEADER.size + name + extra
        return self.content[start : start + member.compress_size]


def _check(member: zipfile.ZipInfo) -> None:
    """Damaged or Unfit for a member that PyTorch would not write so."""
    name = member.orig_filename
    parts = name.split("/")
    if ".." in parts or parts[0] == "" or "\\" in name or "\0" in name:
        raise Damaged(f"it has a content that would lie elsewhere, {shown(name)}")
    if member.flag_bits & ENCRYPTED:
        raise Unfit(f"its content {shown(name)} is encrypted; {SAVE_ANEW}")
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise Unfit(f"its content {shown(name)} is packed otherwise than by deflate; {SAVE_ANEW}")


def _unpacked(content: memoryview, member: zipfile.ZipInfo) -> memoryview:
    """At most one byte more than it should have. Differs: `zipfile` unpacks all, then cuts it."""
    try:
        unpack = zlib.decompressobj(-zlib.MAX_WBITS)
        return memoryview(unpack.decompress(content, member.file_size + 1))
    except zlib.error:
        raise Damaged(f"{shown(member.filename)} cannot be unpacked") from None
