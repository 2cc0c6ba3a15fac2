"""Frames in NumPy files: .npy of one or several frames, .npz of such arrays, with times or not."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mindcast.config.incoming import InputSettings
from mindcast.data.incoming.codes import frame_of_codes
from mindcast.data.incoming.frames import Frame, Place
from mindcast.data.incoming.importers import PACKED_ERRORS, damaged
from mindcast.data.incoming.names import timed
from mindcast.data.radar.axes import frames_first, likely_frames_axis
from mindcast.data.radar.sequences.arrays import NPY_ERRORS, open_array
from mindcast.refusal import Refusal

ZIP = b"PK\x03\x04"
ZIP_ERRORS = (*NPY_ERRORS, *PACKED_ERRORS, zipfile.BadZipFile, RuntimeError)
TIMES, UNIT = ("times", "time"), "unit"  # arrays of an .npz


def places(files: Sequence[Path], settings: InputSettings, interval_minutes: int) -> list[Place]:
    """Times of an .npz by its array "times", of others by names or settings."""
    found: list[Place] = []
    untimed: list[tuple[Path, int, str]] = []
    for path in files:
        name = _chosen(path, settings)
        count = _frames(path, name, settings)
        times = _times(path, count)
        if times is None:
            untimed += [(path, number, name) for number in range(count)]
        else:
            found += [Place(path, time, number, name) for number, time in enumerate(times)]
    if untimed and found:
        raise Refusal(f"{untimed[0][0]}: has no array of times, {found[0].path.name} has; add it")
    return found or timed(untimed, settings, interval_minutes)


def read(place: Place, settings: InputSettings) -> Frame:
    """In the unit that the settings state, or the text "unit" of an .npz."""
    array = _array(place.path, place.part)
    if array.ndim == 2:
        codes = np.array(array)
    else:
        hwt = settings.axes == "hwt"
        codes = np.array(array[..., place.number] if hwt else array[place.number])
    unit = ""
    if place.part and UNIT in _names(place.path):
        unit = str(_load(place.path, UNIT)[()])
    return frame_of_codes(codes, place.path, settings, unit)


def _frames(path: Path, name: str, settings: InputSettings) -> int:
    """How many; Refusal for a shape that is none of frames, or looks like other axes."""
    shape = _array(path, name).shape
    if len(shape) not in (2, 3) or 0 in shape:
        raise Refusal(f"{path}: has shape {shape}, expected (H, W) or (frames, H, W)")
    if len(shape) == 2:
        return 1
    if settings.axes is None and likely_frames_axis(shape):
        raise Refusal(
            f"{path}: has shape {shape}, which does not look like (frames, H, W); set "
            "input.axes=hwt if the frames are its last axis, input.axes=thw if it is right"
        )
    return frames_first(shape, settings.axes)[0]


def _array(path: Path, name: str) -> np.ndarray:
    array = _load(path, name) if name else open_array(path)
    if array.dtype.kind not in "uifb":
        raise Refusal(f"{path}: holds {array.dtype}, expected numbers")
    return array


def _chosen(path: Path, settings: InputSettings) -> str:
    """The array of an .npz; "" for a .npy."""
    names = _names(path)
    if not names:
        return ""
    fields = [name for name in names if name not in (*TIMES, UNIT)]
    if settings.variable in fields:
        return settings.variable
    if settings.variable or len(fields) != 1:
        raise Refusal(
            f"{path}: input.variable = {settings.variable!r}, expected one of its arrays "
            f"{', '.join(fields) or '(there is none)'}"
        )
    return fields[0]


def _times(path: Path, count: int) -> np.ndarray | None:
    """datetime64[s] of the frames of an .npz with an array of that name; None without it."""
    name = next((name for name in TIMES if name in _names(path)), None)
    if name is None:
        return None
    try:
        times = np.ravel(_load(path, name)).astype("U32").astype("datetime64[s]")
    except ValueError:
        times = np.array([], "datetime64[s]")
    if len(times) != count or np.isnat(times).any():
        raise Refusal(
            f"{path}: {name} is no date and time for each of {count} frames, expected datetime64 "
            "or such as 2020-07-01T12:00"
        )
    return times


def _names(path: Path) -> list[str]:
    """The arrays of an .npz; none for a .npy."""
    with path.open("rb") as file:
        if file.read(4) != ZIP:
            return []
    try:
        with np.load(path, allow_pickle=False) as archive:
            return list(archive.files)
    except ZIP_ERRORS as error:
        raise damaged(path, error) from None


def _load(path: Path, name: str) -> np.ndarray:
    try:
        with np.load(path, allow_pickle=False) as archive:
            return np.asarray(archive[name])
    except ZIP_ERRORS as error:
        raise damaged(path, error) from None
