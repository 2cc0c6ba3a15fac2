"""Files for HDF5 whose writes never fail: what goes wrong is kept, and raised when it is done.

HDF5 cannot close a file that could not be written (a full disk, a quota). It complains on the
screen, keeps its handles, and the process crashes when it ends.
"""

from __future__ import annotations

import io
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np


class Unfailing(io.RawIOBase):
    """A new file at `path`, as h5py takes it; a context manager.

    What comes after a write that failed is held in memory, so that HDF5 can read it again; it is
    to be little, hence call `check` after each larger part. `with` raises the OSError at its end.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._file = path.open("w+b", buffering=0)
        self._place = self._size = 0
        self._held: list[tuple[int, bytes]] = []
        self.error: OSError | None = None

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
        if error is None:
            self.check()

    def check(self) -> None:
        """Raise the OSError of the first write that failed, if one did."""
        if self.error is not None:
            raise self.error

    def close(self) -> None:
        """Close what was written."""
        self._file.close()
        super().close()

    def readable(self) -> bool:
        """It is."""
        return True

    def writable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def write(self, data: Any) -> int:
        """Write at the place; never fails."""
        view = memoryview(data).cast("B")
        if self.error is None:
            try:
                self._write(view)
            except OSError as error:
                self.error = error
        if self.error is not None:
            self._held.append((self._place, bytes(view)))
        self._place += len(view)
        self._size = max(self._size, self._place)
        return len(view)

    def _write(self, view: memoryview) -> None:
        self._file.seek(self._place)
        while view:  # a disk that is nearly full takes a part
            view = view[self._file.write(view) :]

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer from the place on, zeros beyond the end."""
        view = np.frombuffer(buffer, np.uint8)
        view[:] = 0
        self._file.seek(self._place)
        stored = np.frombuffer(self._file.read(len(view)), np.uint8)
        view[: len(stored)] = stored
        for begin, data in self._held:
            first, last = max(begin, self._place), min(begin + len(data), self._place + len(view))
            if first < last:
                part = np.frombuffer(data[first - begin : last - begin], np.uint8)
                view[first - self._place : last - self._place] = part
        count = max(0, min(len(view), self._size - self._place))
        self._place += count
        return count

    def seek(self, offset: int, whence: int = 0) -> int:
        """Go to a place: from the beginning, from the place, or from the end."""
        self._place = (0, self._place, self._size)[whence] + offset
        return self._place

    def tell(self) -> int:
        """The place."""
        return self._place

    def truncate(self, size: int | None = None) -> int:
        """Give the file a size, by default up to the place; never fails."""
        size = self._place if size is None else size
        try:
            if self.error is None:
                self._file.truncate(size)
        except OSError as error:
            self.error = error
        self._size = size
        return size
