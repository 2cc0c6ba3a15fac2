"""Attributes of HDF5 as plain values: files hold them as text, bytes, numbers, or arrays of one."""

from __future__ import annotations

from typing import Any

import h5py
import numpy as np


def plain(value: Any) -> Any:
    """Text, a number, or a list of them; None for an attribute without any value.

    An array of one is its element, bytes are text, and text ends before its padding.
    """
    if isinstance(value, h5py.Empty):
        return None
    if isinstance(value, np.ndarray):
        values = [plain(one) for one in value.ravel()]
        return values[0] if len(values) == 1 else values or None
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    return value.strip("\0 \t\r\n") if isinstance(value, str) else value


def whole_number(value: Any) -> int | None:
    """A count that somebody wrote as a number, a float, text or an array of one; None if it is not.

    Not negative.
    """
    value = plain(value)
    if isinstance(value, str) and value.isdecimal():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value) if value >= 0 and float(value).is_integer() else None


def is_code(values: np.ndarray, code: float) -> np.ndarray:
    """Where `values` are `code`, whatever the width of floats that either went through.

    999.9 is the float32 999.9 too, also where that was widened to float64 since. NaN is NaN.
    """
    if np.isnan(code):
        return np.isnan(values)
    if values.dtype.kind in "iub":
        return values == int(code) if float(code).is_integer() else np.zeros(values.shape, bool)
    same = values == np.float64(code)
    for kind in (np.float32, values.dtype.type):
        with np.errstate(over="ignore"):  # beyond the type: infinity, which is no code
            narrow = kind(code)
        if np.isfinite(narrow):
            same |= values == narrow
    return np.asarray(same)
