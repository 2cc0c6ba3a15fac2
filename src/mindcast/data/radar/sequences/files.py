"""Sequences in the groups of HDF5 files: which there are, and the reading of one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from mindcast.config.dates import to_utc
from mindcast.data.base import SPLITS
from mindcast.data.radar.attributes import is_code, plain, whole_number
from mindcast.data.radar.axes import Axes, Shape, frames_first, likely_frames_axis
from mindcast.data.radar.hdf5 import (
    HDF5_ERRORS,
    OpenFiles,
    attribute_of,
    item_of,
    names_of,
    number_type,
    read_part,
)
from mindcast.data.radar.packing import ODIM_GROUP, PLAIN, Packing, packing_of
from mindcast.data.radar.sequences.layouts import VAL_GROUPS, Layout
from mindcast.data.radar.stated_unit import check_unit
from mindcast.data.radar.values import StoredScale
from mindcast.refusal import Refusal

COUNT_NAMES = ("all_len", "{group}_len")  # inside the group, at the top
FIRST_FRAME = "first_frame_utc"  # attribute of a sequence, ISO 8601
WAY_OUT = "fix it or take the sequence out"


@dataclass(frozen=True, slots=True)
class Stored:
    """One sequence: dataset `name` ("train/12") of a file, `frames` long.

    first_frame: when the first frame was taken, ISO 8601 UTC; empty where that is not known.
    """

    path: Path
    name: str
    frames: int
    first_frame: str = ""
    packing: Packing = PLAIN


class SequenceFiles(OpenFiles):
    """The files of one data set.

    value_scale: physical value of 1. axes: of a stored sequence; None: frames first, and a shape
    that hints at others is refused. model_frame: (H, W) that frames are brought to, such a hint.
    """

    def __init__(
        self,
        layout: Layout,
        value_scale: float,
        axes: Axes | None = None,
        model_frame: tuple[int, int] | None = None,
        limit: int = 8,
    ) -> None:
        super().__init__(limit)
        self.layout, self.axes, self.model_frame = layout, axes, model_frame
        maximum = layout.stored_maximum(value_scale)
        self.scale = StoredScale(maximum, layout.physical, layout.unit)
        self.frame: Shape | None = None  # (H, W) of all sequences listed so far

    def groups(self, path: Path) -> list[str]:
        """The names of the groups of a file; Refusal for a split's link that leads nowhere."""
        file, found = self.file(path), []
        for name in names_of(path, file):
            try:
                if isinstance(item_of(path, file, name), h5py.Group):
                    found.append(name)
            except Refusal:
                if name in (*SPLITS, *VAL_GROUPS):
                    raise
        return found

    def listed(self, path: Path, group_name: str) -> list[Stored]:
        """The sequences of a group by their number; Refusal if any is not (T, H, W) numbers.

        Where the file holds a count, it must hold as many sequences; what is beyond it is left out.
        """
        group = item_of(path, self.file(path), group_name)
        count = self._announced(path, group_name, group)
        names = set(names_of(path, group)) - {ODIM_GROUP}
        found = []
        for number in range(len(names) if count is None else count):
            name = self.layout.name(number)
            if name not in names:
                others = ", ".join(list(group)[:3]) or "nothing"
                raise Refusal(
                    f"{path}: {group_name} lacks the sequence {name!r}, found {others}, "
                    f"...; expected all from {self.layout.name(0)!r} on, as many as the "
                    "file counts; fetch it again or fix data.name"
                )
            item = item_of(path, group, name)
            found.append(self._stored(path, f"{group_name}/{name}", item))
        return found

    def read(self, stored: Stored, frames: slice = slice(None)) -> np.ndarray:
        """Frames of a sequence scaled to [0, 1], (T', H, W) float32; missing values are 0.

        Refusal if they cannot be read, or hold NaN, infinity, or what lies beyond the scale.
        """
        where = f"{stored.path}: {stored.name}"
        dataset = item_of(stored.path, self.file(stored.path), stored.name)
        last = (slice(None), slice(None), frames)
        values = read_part(dataset, last if self.axes == "hwt" else frames, where)
        if self.axes == "hwt":
            values = np.moveaxis(values, -1, 0)
        values = stored.packing.unpacked(values, where)
        if self.layout.missing is not None:
            values = np.where(is_code(values, self.layout.missing), np.zeros_like(values), values)
        values = self.scale.checked(values, where, WAY_OUT)
        return values.astype(np.float32) / np.float32(self.scale.maximum)

    def largest(self, stored: Stored) -> float:
        """The largest value of a sequence as stored."""
        return float(self.read(stored).max()) * self.scale.maximum

    def _announced(self, path: Path, name: str, group: h5py.Group) -> int | None:
        """How many sequences the file counts in a group: a number beside them, or an attribute."""
        inside, above = COUNT_NAMES
        for holder, key in ((group, inside), (self.file(path), above.format(group=name))):
            where = f"{path}: {holder.name.rstrip('/')}/{key}"
            if key in names_of(path, holder):
                return _count(item_of(path, holder, key), where, name)
            found = attribute_of(holder, key, where)
            if found is not None:
                return _count(found, where, name)
        return None

    def _stored(self, path: Path, name: str, dataset: object) -> Stored:
        where = f"{path}: {name}"
        if not isinstance(dataset, h5py.Dataset):
            raise Refusal(f"{where} is no array, expected a sequence (frames, height, width)")
        shape: Shape = dataset.shape or ()
        if len(shape) != 3 or 0 in shape:
            raise Refusal(f"{where} is {shape}, expected a sequence (frames, height, width)")
        kind, is_number = number_type(dataset)
        if not is_number:
            expected = self.scale.expected
            raise Refusal(f"{where} is {kind}, expected uint8 (or other numbers): {expected}")
        check_unit(dataset, self.scale, where)
        if self.axes is None and likely_frames_axis(shape, self.model_frame):
            raise Refusal(
                f"{where} is {shape}, which does not look like (frames, height, width); set "
                "data.axes=hwt if the frames are its last axis, data.axes=thw if it is right"
            )
        frames, *frame = frames_first(shape, self.axes)
        self.frame = self.frame or tuple(frame)
        if tuple(frame) != self.frame:
            size, others = ("{} x {}".format(*one) for one in (frame, self.frame))
            raise Refusal(
                f"{where} has frames of {size}, those before have {others}; all must be of one size"
            )
        return Stored(path, name, frames, _first_frame(dataset, where), packing_of(dataset, where))


def _count(found: Any, where: str, group: str) -> int:
    try:
        count = whole_number(found[()] if isinstance(found, h5py.Dataset) else found)
    except HDF5_ERRORS:
        count = None
    if count is None:
        raise Refusal(
            f"{where} should be one whole number, the count of sequences in {group}; fix the file"
        )
    return count


def _first_frame(dataset: h5py.Dataset, where: str) -> str:
    found = plain(attribute_of(dataset, FIRST_FRAME, where))
    if found in (None, ""):
        return ""
    try:
        return to_utc(datetime.fromisoformat(found)).isoformat()
    except (ValueError, TypeError, OverflowError):
        raise Refusal(
            f"{where}: {FIRST_FRAME} = {found!r}, expected a date and time like 2019-06-01T00:00:00"
        ) from None
