"""Reading events out of the HDF5 files of an archive."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np

from mindcast.data.radar.hdf5 import OpenFiles, one_line
from mindcast.refusal import Refusal

IMAGE_TYPE = "vil"
SEVIR_SHAPE = (384, 384, 49)  # (H, W, T) of an event


class EventFiles(OpenFiles):
    """Event arrays (event, H, W, T) of the HDF5 files of one archive.

    image_type: the dataset's name in every file.
    event_shape: (H, W, T) that every event must have.
    """

    missing = "no such file, though the catalogue names it; fetch it or fix data.root_dir"

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
                f"{path}: event {index} holds NaN or infinity; fix it, or take it out "
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
