"""Reading arrays out of many HDF5 files with few of them open."""

from __future__ import annotations

import os
from collections import OrderedDict
from pathlib import Path

import h5py
import numpy as np

from src.refusal import Refusal


class EventFiles:
    """Event arrays (event, H, W, T) of the HDF5 files of one archive, opened when first used.

    Pickles and forks without open handles: HDF5 must not be shared between processes, so each
    opens its own. At most `limit` files are open at once.

    image_type: the dataset's name in every file.
    event_shape: (H, W, T) that every event must have.
    """

    def __init__(self, image_type: str, event_shape: tuple[int, int, int], limit: int = 8) -> None:
        self.image_type, self.event_shape, self.limit = image_type, event_shape, limit
        self._open: OrderedDict[Path, h5py.Dataset] = OrderedDict()
        self._process = os.getpid()

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "_open": OrderedDict()}

    def dataset(self, path: Path, index: int = 0) -> h5py.Dataset:
        """The events of a file; Refusal if it is not of this archive or holds no event `index`."""
        dataset = self._opened(path)
        if index >= dataset.shape[0]:
            raise Refusal(f"{path}: the catalogue asks for event {index}, the file holds "
                          f"{dataset.shape[0]}; catalogue and files do not match")  # fmt: skip
        return dataset

    def read(self, path: Path, index: int, frames: slice) -> np.ndarray:
        """Frames of one event, (H, W, T'), finite codes; nothing else is kept in memory."""
        dataset = self.dataset(path, index)
        try:
            event = dataset[index, :, :, frames]
        except OSError as error:
            raise Refusal(f"{path}: event {index} cannot be read ({_line(error)}); "
                          "fetch the file again") from None  # fmt: skip
        if event.dtype.kind == "f" and not np.isfinite(event).all():
            raise Refusal(f"{path}: event {index} holds NaN or infinity; mend it, or take it out "
                          "with pct_missing > 0 in the catalogue")  # fmt: skip
        return event

    def close(self) -> None:
        """Close every file; the next read opens its own again."""
        while self._open:
            self._open.popitem()[1].file.close()

    def _opened(self, path: Path) -> h5py.Dataset:
        if self._process != os.getpid():  # forked: the handles belong to the parent
            self.close()
            self._process = os.getpid()
        if path not in self._open:
            if len(self._open) >= self.limit:
                self._open.popitem(last=False)[1].file.close()
            self._open[path] = self._checked(path)
        self._open.move_to_end(path)
        return self._open[path]

    def _checked(self, path: Path) -> h5py.Dataset:
        try:
            file = h5py.File(path, "r")
        except FileNotFoundError:
            raise Refusal(f"{path}: no such file, though the catalogue names it; "
                          "fetch it or mend data.root_dir") from None  # fmt: skip
        except OSError as error:
            raise Refusal(f"{path}: not a readable HDF5 file ({_line(error)}); "
                          "it may be truncated, fetch it again") from None  # fmt: skip
        problem = self._problem(file)
        if problem:
            file.close()
            raise Refusal(f"{path}: {problem}")
        return file[self.image_type]

    def _problem(self, file: h5py.File) -> str:
        dataset = file.get(self.image_type)
        if not isinstance(dataset, h5py.Dataset):
            return f"no dataset {self.image_type!r}, found {', '.join(file) or 'nothing'}"
        if dataset.ndim != 4 or dataset.shape[1:] != self.event_shape:
            height, width, frames = self.event_shape
            return (
                f"{self.image_type} has shape {dataset.shape}, expected (events, {height}, "
                f"{width}, {frames}); set data.frame_size and data.frames_per_event to match"
            )
        if dataset.dtype != np.uint8 and dataset.dtype.kind != "f":
            return f"{self.image_type} is {dataset.dtype}, expected uint8 (or float) codes 0..255"
        return ""


def _line(error: OSError) -> str:
    """HDF5 reports in several lines, a refusal has one."""
    return " ".join(str(error).split())
