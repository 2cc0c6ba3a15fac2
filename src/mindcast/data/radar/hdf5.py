"""Reading arrays out of many HDF5 files with few of them open."""

from __future__ import annotations

import os
from collections import OrderedDict
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from mindcast.data.file_kinds import found_instead, hdf5_trouble
from mindcast.refusal import Refusal, one_line

# what h5py raises for a file that is damaged, or holds what it cannot hand out
HDF5_ERRORS = (OSError, LookupError, ValueError, TypeError, RuntimeError, MemoryError)
ENDLESS = 1 << 62  # a raw file of so many bytes is one without an end
HDF5_FILE = "an HDF5 file"


class OpenFiles:
    """HDF5 files by their path, opened when first used, at most `limit` of them at once.

    Pickles and forks without open handles: HDF5 must not be shared between processes, so each
    opens its own.

    missing: the words of a refusal for a file that is not there.
    """

    missing = "no such file; fix data.root_dir"

    def __init__(self, limit: int = 8) -> None:
        self.limit = limit
        self._open: OrderedDict[Path, h5py.File] = OrderedDict()
        self._process = os.getpid()

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "_open": OrderedDict()}

    def file(self, path: Path) -> h5py.File:
        """The open file; Refusal if it cannot be opened or is not as it should be."""
        if self._process != os.getpid():  # forked: the handles belong to the parent
            self.close()
            self._process = os.getpid()
        if path not in self._open:
            if len(self._open) >= self.limit:
                self._open.popitem(last=False)[1].close()
            self._open[path] = self._checked(path)
        self._open.move_to_end(path)
        return self._open[path]

    def close(self) -> None:
        """Close every file; the next read opens its own again."""
        while self._open:
            self._open.popitem()[1].close()

    def _checked(self, path: Path) -> h5py.File:
        try:
            file = h5py.File(path, "r")
        except FileNotFoundError:
            raise Refusal(f"{path}: {self.missing}") from None
        except HDF5_ERRORS as error:
            raise _no_hdf5(path, error) from None
        problem = self._problem(file)
        if problem:
            file.close()
            raise Refusal(f"{path}: {problem}")
        return file

    def _problem(self, file: h5py.File) -> str:
        """What is wrong with a file that could be opened; nothing, if it will do."""
        return ""


def item_of(path: Path, group: h5py.Group, name: str) -> Any:
    """What a group holds under a name that it has; Refusal for a link that leads nowhere."""
    try:
        return group[name]
    except HDF5_ERRORS as error:
        where = f"{path}: {_below(group)}{name}"
        target = _target(group, name)
        if target:
            raise Refusal(
                f"{where} is a link to {target}, which cannot be opened; put the data there, or "
                "write them into this file"
            ) from None
        reason, remedy = hdf5_trouble(error)
        raise Refusal(f"{where} cannot be opened ({reason}); {remedy}") from None


def names_of(path: Path, group: h5py.Group) -> list[str]:
    """The names in a group; Refusal where its table is damaged."""
    try:
        return list(group)
    except HDF5_ERRORS as error:
        reason, remedy = hdf5_trouble(error)
        where = f"{path}: {group.name}"
        raise Refusal(f"{where}: names cannot be read ({reason}); {remedy}") from None


def attribute_of(holder: h5py.HLObject, name: str, where: str) -> Any:
    """An attribute as h5py hands it out, None without it; Refusal if it cannot be read."""
    try:
        return holder.attrs.get(name)
    except HDF5_ERRORS as error:
        raise Refusal(
            f"{where}: {name} cannot be read ({one_line(error)}); write it again"
        ) from None


def read_part(dataset: h5py.Dataset, part: Any, where: str) -> np.ndarray:
    """`dataset[part]` as an array; Refusal, which begins with `where`, if it cannot be read."""
    try:
        gone = _gone_source(dataset)
        values = None if gone else np.asarray(dataset[part])
    except HDF5_ERRORS as error:
        reason, remedy = hdf5_trouble(error)
        raise Refusal(f"{where} cannot be read ({reason}); {remedy}") from None
    if values is None:
        raise Refusal(f"{where} is put together from {gone}, which is gone or cut short; fetch it")
    return values


def number_type(dataset: h5py.Dataset) -> tuple[str, bool]:
    """The name of a dataset's type, and whether it is of plain numbers: whole, float or bool."""
    try:
        kind = dataset.dtype
    except HDF5_ERRORS as error:
        return one_line(error) or "of an unknown type", False
    names = h5py.check_enum_dtype(kind)
    if names is not None:
        return f"an enumeration of {', '.join(names)}", False
    return str(kind), kind.kind in "iufb"


def _no_hdf5(path: Path, error: BaseException) -> Refusal:
    try:
        kind, remedy = found_instead(path) or ("", "")
    except (OSError, ValueError):  # a folder, no permission, a name that cannot be
        kind = ""
    if kind and kind != HDF5_FILE:
        return Refusal(f"{path}: not a readable HDF5 file but {kind}; {remedy}")
    reason, remedy = hdf5_trouble(error)
    return Refusal(f"{path}: not a readable HDF5 file ({reason}); {remedy}")


def _target(group: h5py.Group, name: str) -> str:
    """Where a soft or external link leads, in words; nothing for what is no such link."""
    try:
        link = group.get(name, getlink=True)
    except HDF5_ERRORS:
        return ""
    if isinstance(link, h5py.ExternalLink):
        return f"{link.path} of {link.filename}"
    return str(link.path) if isinstance(link, h5py.SoftLink) else ""


def _below(group: h5py.Group) -> str:
    name = (group.name or "").strip("/")
    return f"{name}/" if name else ""


def _gone_source(dataset: h5py.Dataset) -> str:
    """A file that a dataset needs and that is not there or too short: HDF5 would fill in for it."""
    folder = Path(os.fsdecode(dataset.file.filename)).parent
    needed = [(name, start + size) for name, start, size in dataset.external or ()]
    if dataset.is_virtual:
        needed += [(source.file_name, 0) for source in dataset.virtual_sources()]
    for name, size in needed:
        if name == "." or "%" in name:  # this file, or a pattern of names
            continue
        path = folder / name
        if not path.exists() or path.stat().st_size < min(size, ENDLESS):
            return str(name)
    return ""
