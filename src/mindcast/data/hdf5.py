"""Reading arrays out of many HDF5 files with few of them open."""

from __future__ import annotations

import os
from collections import OrderedDict
from pathlib import Path

import h5py
import numpy as np

from mindcast.refusal import Refusal


class OpenFiles:
    """HDF5 files by their path, opened when first used, at most `limit` of them at once.

    Pickles and forks without open handles: HDF5 must not be shared between processes, so each
    opens its own.

    missing: what a refusal says of a file that is not there.
    """

    missing = "no such file; mend data.root_dir"

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


class EventFiles(OpenFiles):
    """Event arrays (event, H, W, T) of the HDF5 files of one archive.

    image_type: the dataset's name in every file.
    event_shape: (H, W, T) that every event must have.
    """

    missing = "no such file, though the catalogue names it; fetch it or mend data.root_dir"

    def __init__(self, image_type: str, event_shape: tuple[int, int, int], limit: int = 8) -> None:
        super().__init__(limit)
        self.image_type, self.event_shape = image_type, event_shape

    def dataset(self, path: Path, index: int = 0) -> h5py.Dataset:
        """The events of a file; Refusal if it is not of this archive or holds no event `index`."""
        dataset = self.file(path)[self.image_type]
        if index >= dataset.shape[0]:
            raise Refusal(
                f"{path}: the catalogue asks for event {index}, the file holds "
                f"{dataset.shape[0]}; catalogue and files do not match"
            )
        return dataset

    def read(self, path: Path, index: int, frames: slice) -> np.ndarray:
        """Frames of one event, (H, W, T'), finite codes; nothing else is kept in memory."""
        dataset = self.dataset(path, index)
        try:
            event = dataset[index, :, :, frames]
        except OSError as error:
            raise Refusal(
                f"{path}: event {index} cannot be read ({one_line(error)}); fetch the file again"
            ) from None
        if event.dtype.kind == "f" and not np.isfinite(event).all():
            raise Refusal(
                f"{path}: event {index} holds NaN or infinity; mend it, or take it out "
                "with pct_missing > 0 in the catalogue"
            )
        return event

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


def one_line(error: OSError) -> str:
    """HDF5 reports in several lines, a refusal has one."""
    return " ".join(str(error).split())
