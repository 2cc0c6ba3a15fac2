"""Sequences in the groups of HDF5 files: which there are, and the reading of one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import h5py
import numpy as np

from mindcast.data.base_settings import to_utc
from mindcast.data.radar.hdf5 import OpenFiles, one_line
from mindcast.data.radar.scaling import CODE_MAX
from mindcast.data.radar.sequences.layouts import Layout
from mindcast.refusal import Refusal

COUNT_NAMES = ("all_len", "{group}_len")  # inside the group, at the top
FIRST_FRAME = "first_frame_utc"  # attribute of a sequence, ISO 8601


@dataclass(frozen=True, slots=True)
class Stored:
    """One sequence: dataset `name` ("train/12") of a file, `frames` long."""

    path: Path
    name: str
    frames: int


class SequenceFiles(OpenFiles):
    """The files of one data set.

    value_scale: physical value of 1.
    """

    def __init__(self, layout: Layout, value_scale: float, limit: int = 8) -> None:
        super().__init__(limit)
        self.layout, self.stored_maximum = layout, layout.stored_maximum(value_scale)
        self.frame: tuple[int, ...] | None = None  # (H, W) of all sequences listed so far

    def listed(self, path: Path, group_name: str) -> list[Stored]:
        """The sequences of a group by their number; Refusal if any is not (T, H, W) numbers.

        Where the file holds a count, it must hold as many sequences; what is beyond it is left out.
        """
        group = self.file(path)[group_name]
        count = self._announced(path, group_name, group)
        names = set(group)
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
            found.append(self._stored(path, f"{group_name}/{name}", group[name]))
        return found

    def read(self, stored: Stored, frames: slice = slice(None)) -> np.ndarray:
        """Frames of a sequence scaled to [0, 1], (T', H, W) float32; missing values are 0.

        Refusal if they cannot be read, or hold NaN, infinity, or what lies beyond the scale.
        """
        where = f"{stored.path}: {stored.name}"
        try:
            values = self.file(stored.path)[stored.name][frames]
        except OSError as error:
            raise Refusal(
                f"{where} cannot be read ({one_line(error)}); fetch the file again"
            ) from None
        if self.layout.missing is not None:
            values = np.where(values == self.layout.missing, np.zeros_like(values), values)
        if not np.isfinite(values).all():
            raise Refusal(f"{where} holds NaN or infinity; fix it or take the sequence out")
        low, high = float(values.min()), float(values.max())
        if low < 0 or high > self.stored_maximum:
            remedy = "fix the file"
            if self.layout.physical and high <= CODE_MAX:
                codes = "if these are codes 0..255, data.name is another"
                remedy = f"{codes}; else raise data.value_scale"
            raise Refusal(
                f"{where} holds values from {low:g} to {high:g}, expected {self.expected}; {remedy}"
            )
        return values.astype(np.float32) / np.float32(self.stored_maximum)

    def first_time(self, stored: Stored) -> str:
        """When the first frame was taken, ISO 8601 UTC; empty where the file does not hold it."""
        text = str(self.file(stored.path)[stored.name].attrs.get(FIRST_FRAME, ""))
        try:
            return to_utc(datetime.fromisoformat(text)).isoformat() if text else ""
        except ValueError:
            raise Refusal(
                f"{stored.path}: {stored.name}: {FIRST_FRAME} = {text!r}, expected a "
                "date and time like 2019-06-01T00:00:00"
            ) from None

    @property
    def expected(self) -> str:
        """What is stored, in words."""
        if self.layout.physical:
            return f"{self.layout.unit} in 0..{self.stored_maximum:g} (data.value_scale)"
        return f"codes 0..{CODE_MAX:g}"

    def _announced(self, path: Path, name: str, group: h5py.Group) -> int | None:
        inside, above = COUNT_NAMES
        scalar = group.get(inside, group.parent.get(above.format(group=name)))
        if scalar is None:
            return None
        if getattr(scalar, "size", 0) != 1 or scalar.dtype.kind not in "iu":
            raise Refusal(
                f"{path}: {scalar.name} should be one whole number, the count of "
                f"sequences in {name}; fix the file"
            )
        return int(np.ravel(scalar[()])[0])

    def _stored(self, path: Path, name: str, dataset: h5py.Dataset) -> Stored:
        where = f"{path}: {name}"
        is_array = isinstance(dataset, h5py.Dataset)
        shape: tuple[int, ...] = dataset.shape if is_array else ()
        if len(shape) != 3 or 0 in shape:
            found = shape if is_array else "no array"
            raise Refusal(f"{where} is {found}, expected a sequence (frames, height, width)")
        kind = dataset.dtype
        if kind != np.uint8 and kind.kind != "f":
            raise Refusal(f"{where} is {kind}, expected uint8 (or float): {self.expected}")
        self.frame = self.frame or shape[1:]
        if shape[1:] != self.frame:
            size, others = ("{} x {}".format(*frame) for frame in (shape[1:], self.frame))
            raise Refusal(
                f"{where} has frames of {size}, those before have {others}; all must be of one size"
            )
        return Stored(path, name, shape[0])
