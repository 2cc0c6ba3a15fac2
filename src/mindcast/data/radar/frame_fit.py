"""Frames of one size brought to another: bilinear resize, or cut and padded about the centre."""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

import numpy as np

Fit = Literal["resize", "crop"]
Size = tuple[int, int]


def fit_frames(frames: np.ndarray, size: Size, fit: Fit, antialias: bool = False) -> np.ndarray:
    """(T, H, W) brought to (T, *size), float32: by `resize`, or by `centre_crop`."""
    return centre_crop(frames, size) if fit == "crop" else resize(frames, size, antialias)


def resize(frames: np.ndarray, size: Size, antialias: bool = False) -> np.ndarray:
    """Bilinear resize of the last two axes to `size`, float32, aspect not kept.

    Pixels are areas: centre i of the output lies at (i + 1/2) n_in / n_out - 1/2 of the input, and
    beyond the outermost centres the outermost pixel goes on. Without `antialias` an output pixel
    is interpolated between its 2 x 2 nearest; with it, the triangle is widened by the reduction
    factor, so that a smaller picture averages all pixels that it replaces.
    """
    frames = frames.astype(np.float32, copy=False)
    for axis, length in zip((-2, -1), size, strict=True):
        if frames.shape[axis] != length:
            frames = _resize_axis(frames, axis, length, antialias)
    return frames


def centre_crop(frames: np.ndarray, size: Size) -> np.ndarray:
    """The last two axes cut to `size` about their centre, zeros added where they are shorter.

    The odd pixel goes to the right and bottom when padding; when cutting, the rounded half of the
    surplus is cut at the left and top (101 to 128: 13 zeros before, 14 after).
    """
    frames = frames.astype(np.float32, copy=False)
    for axis, length in zip((-2, -1), size, strict=True):
        frames = _centre_axis(np.moveaxis(frames, axis, -1), length)
        frames = np.moveaxis(frames, -1, axis)
    return np.ascontiguousarray(frames)


def _centre_axis(field: np.ndarray, length: int) -> np.ndarray:
    surplus = field.shape[-1] - length
    if surplus >= 0:
        start = round(surplus / 2)  # halves to even, as the reference's library does
        return field[..., start : start + length]
    before = -surplus // 2
    return np.pad(field, [(0, 0)] * (field.ndim - 1) + [(before, -surplus - before)])


def _resize_axis(frames: np.ndarray, axis: int, length: int, antialias: bool) -> np.ndarray:
    indices, weights = _taps(frames.shape[axis], length, antialias)
    shape = [1] * frames.ndim
    shape[axis] = length
    resized, low, high = np.float32(0), np.float32(np.inf), np.float32(-np.inf)
    for tap in range(weights.shape[1]):
        pixels = np.take(frames, indices[:, tap], axis=axis)
        low, high = np.minimum(low, pixels), np.maximum(high, pixels)
        resized = resized + pixels * weights[:, tap].reshape(shape)
    # a mean lies between its pixels; rounding of many would leave a flat area below its value
    return np.clip(resized, low, high) if antialias else resized


@lru_cache(maxsize=16)
def _taps(length_in: int, length_out: int, antialias: bool) -> tuple[np.ndarray, np.ndarray]:
    """Which input pixels every output pixel is made of and their weights, (length_out, taps)."""
    factor = length_in / length_out
    width = max(factor, 1.0) if antialias else 1.0  # half the base of the triangle, input pixels
    centres = (np.arange(length_out) + 0.5) * factor - 0.5
    if not antialias:
        centres = np.clip(centres, 0, length_in - 1)
    first = np.floor(centres - width).astype(np.int64) + 1
    indices = first[:, np.newaxis] + np.arange(int(np.ceil(2 * width)) + 1)
    weights = np.maximum(1 - np.abs(indices - centres[:, np.newaxis]) / width, 0)
    weights[(indices < 0) | (indices >= length_in)] = 0
    weights /= weights.sum(axis=1, keepdims=True)
    return np.clip(indices, 0, length_in - 1), weights.astype(np.float32)
