"""Frames in .npy files, mapped and not loaded."""

from __future__ import annotations

import struct
import tokenize
from pathlib import Path

import numpy as np

from mindcast.data.file_kinds import found_instead
from mindcast.data.radar.axes import Axes, frames_first, likely_frames_axis
from mindcast.refusal import Refusal, one_line

SUFFIX, NUMPY_FILE = ".npy", "a NumPy array"
# what np.load raises for files that are damaged, or something else
NPY_ERRORS = (
    OSError,
    ValueError,
    TypeError,
    LookupError,
    SyntaxError,
    EOFError,
    OverflowError,
    MemoryError,
    RecursionError,
    struct.error,
    tokenize.TokenError,
)


def extent(path: Path, axes: Axes | None = None) -> tuple[int, int, int]:
    """(frames, height, width) of an array (H, W) or, by `axes`, of several frames.

    Without `axes` they come first; Refusal for a shape that looks like another order.
    """
    shape = open_array(path).shape
    if len(shape) not in (2, 3) or 0 in shape:
        raise Refusal(f"{path}: has shape {shape}, expected (H, W) or (frames, H, W)")
    if len(shape) == 2:
        return 1, shape[0], shape[1]
    if axes is None and likely_frames_axis(shape):
        raise Refusal(
            f"{path}: has shape {shape}, which does not look like (frames, H, W); set "
            "data.prepare.axes=hwt if the frames are its last axis, data.prepare.axes=thw if it "
            "is right"
        )
    frames, height, width = frames_first(shape, axes)
    return frames, height, width


def read_frame(path: Path, number: int, axes: Axes | None = None) -> np.ndarray:
    """Frame `number`, (H, W), of the type that is stored."""
    array = open_array(path)
    if array.ndim == 2:
        return np.array(array)
    return np.array(array[..., number] if axes == "hwt" else array[number])


def open_array(path: Path) -> np.ndarray:
    """The array; Refusal for what is none of plain numbers."""
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except NPY_ERRORS as error:
        reason, remedy = one_line(error) or type(error).__name__, "write it again"
        raise Refusal(
            f"{path}: not a readable .npy array ({_instead(path) or reason}); {remedy}"
        ) from None
    if not isinstance(array, np.ndarray):
        raise Refusal(f"{path}: holds several arrays (.npz), expected one; save it with numpy.save")
    if array.dtype.kind not in "uifb":
        raise Refusal(f"{path}: holds {array.dtype}, expected numbers")
    return array


def _instead(path: Path) -> str:
    try:
        kind, _ = found_instead(path) or ("", "")
    except OSError:
        return ""
    return "" if kind == NUMPY_FILE else kind
