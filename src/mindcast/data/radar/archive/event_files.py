"""Reading events out of the HDF5 files of an archive."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import h5py
import numpy as np

from mindcast.data.radar.hdf5 import HDF5_ERRORS, OpenFiles, number_type, read_part
from mindcast.data.radar.packing import packing_of
from mindcast.data.radar.stated_unit import check_unit
from mindcast.data.radar.values import SAMPLED, StoredScale, check_scale
from mindcast.refusal import Refusal, one_line

IMAGE_TYPE = "vil"
SEVIR_SHAPE = (384, 384, 49)  # (H, W, T) of an event
WAY_OUT = "fix it, or take it out with pct_missing > 0 in the catalogue"
CLIP_INSTEAD = "fix it, or set data.prepare.clip=true to cut off what lies beyond 0..255"


class EventFiles(OpenFiles):
    """Event arrays (event, H, W, T) of the HDF5 files of one archive.

    image_type: the dataset's name in every file.
    event_shape: (H, W, T) that every event must have.
    way_out: what a refusal of values advises; beyond: for those beyond 0..255, if it is another.
    clip: whether these are cut off.
    """

    missing = "no such file, though the catalogue names it; fetch it or fix data.root_dir"

    def __init__(
        self,
        image_type: str,
        event_shape: tuple[int, int, int],
        limit: int = 8,
        way_out: str = WAY_OUT,
        beyond: str = "",
        clip: bool = False,
    ) -> None:
        super().__init__(limit)
        self.image_type, self.event_shape = image_type, event_shape
        self.way_out, self.beyond, self.clip = way_out, beyond, clip
        self.scale = StoredScale()

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
        """Frames of one event, (H, W, T'), codes 0..255; nothing else is kept in memory.

        Missing values are 0. Refusal for other values than these codes.
        """
        where, values = f"{path}: event {index}", self._values(path, index, frames)
        return self.scale.checked(values, where, self.way_out, self.clip, self.beyond)

    def largest(self, path: Path, rows: Sequence[int]) -> Iterator[float]:
        """The largest finite values of a few of these events of a file, whatever they mean.

        What cannot be read shows nothing: it is refused when it is needed.
        """
        for row in rows[:: -(-len(rows) // SAMPLED) or 1]:
            with suppress(Refusal):
                values = self._values(path, row, slice(None))
                yield float(np.max(values, initial=0, where=np.isfinite(values)))

    def check_scale(self, rows: Mapping[Path, Sequence[int]]) -> None:
        """Refusal if a few of these events of every file look like values of another scale."""
        largest = {path: self.largest(path, of_file) for path, of_file in rows.items()}
        check_scale(self.scale, largest, "events", "fix the file")

    def _values(self, path: Path, index: int, frames: slice) -> np.ndarray:
        dataset, where = self.dataset(path, index), f"{path}: event {index}"
        packing = packing_of(dataset, f"{path}: {self.image_type}")
        stored = read_part(dataset, (index, slice(None), slice(None), frames), where)
        return packing.unpacked(stored, where)

    def _problem(self, file: h5py.File) -> str:
        try:
            dataset, held = file.get(self.image_type), ", ".join(file) or "nothing"
            is_array = isinstance(dataset, h5py.Dataset)
            shape = (dataset.shape or ()) if is_array else ()
        except HDF5_ERRORS as error:
            return f"cannot be read ({one_line(error)}); fetch it again"
        if not is_array:
            return f"no dataset {self.image_type!r}, found {held}"
        if len(shape) != 4 or shape[1:] != self.event_shape:
            return _other_shape(self.image_type, shape, self.event_shape)
        name, is_number = number_type(dataset)
        if not is_number:
            return f"{self.image_type} is {name}, expected uint8 (or other numbers): codes 0..255"
        where = f"{file.filename}: {self.image_type}"
        packing_of(dataset, where)
        check_unit(dataset, self.scale, where)
        return ""


def _other_shape(name: str, shape: Sequence[int], expected: tuple[int, int, int]) -> str:
    height, width, frames = expected
    found = f"{name} has shape {tuple(shape)}, expected (events, {height}, {width}, {frames})"
    if len(shape) == 4 and not Counter(expected) - Counter(shape):
        return (
            f"{found}; its axes are in another order: store (events, height, width, frames), with "
            "numpy.moveaxis for instance"
        )
    return f"{found}; set data.frame_size and data.frames_per_event to match"
