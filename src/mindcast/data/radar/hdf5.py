"""Reading arrays out of many HDF5 files with few of them open."""

from __future__ import annotations

import os
from collections import OrderedDict
from pathlib import Path

import h5py

from mindcast.refusal import Refusal


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
        except OSError as error:
            raise Refusal(
                f"{path}: not a readable HDF5 file ({one_line(error)}); "
                "it may be truncated, fetch it again"
            ) from None
        problem = self._problem(file)
        if problem:
            file.close()
            raise Refusal(f"{path}: {problem}")
        return file

    def _problem(self, file: h5py.File) -> str:
        """What is wrong with a file that could be opened; nothing, if it will do."""
        return ""


def one_line(error: OSError) -> str:
    """HDF5 reports in several lines, a refusal has one."""
    return " ".join(str(error).split())
