"""The motion field of a context: where rain moves, seen in its frames alone.

A context that shows no motion stands still: its field is zero and says why, so that whoever
extrapolates along it gets persistence and can tell the user.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from mindcast.motion.dense_flow import dense_flow
from mindcast.motion.lucas_kanade import lucas_kanade

SMALLEST = 16  # pixels on a side: dense flow fits patches of 8 on frames at half their size
WET = 16  # pixels with rain: fewer are clutter, whose motion would spread over the whole frame
KNOWN = 0.5  # share of pixels
ROUNDING = 1e-5  # of values that were scaled and interpolated in float32

ONE_FRAME, SMALL, MISSING, DRY = "one frame", "small frame", "missing values", "dry"
UNIFORM, UNCHANGED = "uniform", "nothing moves"
METHODS: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "dis": dense_flow,
    "lucas_kanade": lucas_kanade,
}


@dataclass(frozen=True, eq=False)
class Motion:
    """A motion field and, where it stands still, the reason.

    field: (H, W, 2), float32, pixels per frame to the right (along W) and downwards (along H).
    still: why the field is zero, one of the words of this file; "" where something moves.
    """

    field: np.ndarray
    still: str = ""

    @property
    def moves(self) -> bool:
        """Whether any motion was found."""
        return not self.still


def motion_field(context: np.ndarray, method: str = "dis") -> Motion:
    """The motion in frames (T, H, W) of [0, 1], oldest first, the same time apart; NaN is missing.

    method: a key of METHODS. The field is zero for fewer than two frames, frames below SMALLEST
    pixels on a side, and where no pair of frames that follow each other has at least WET pixels of
    rain (values above 0) in both, KNOWN of its pixels and any contrast. ValueError for another
    number of axes, values outside [0, 1] and an unknown method.
    """
    if method not in METHODS:
        raise ValueError(f"got method {method!r}, expected one of {', '.join(METHODS)}")
    _check(context)
    known = np.isfinite(context)
    frames = np.where(known, np.clip(context, 0, 1), 0).astype(np.float32)
    standing = partial(Motion, np.zeros((*context.shape[1:], 2), np.float32))
    if len(frames) < 2:
        return standing(ONE_FRAME)
    if min(frames.shape[1:]) < SMALLEST:
        return standing(SMALL)
    usable, reason = _usable_pairs(frames, known)
    if not usable.any():
        return standing(reason)
    field = METHODS[method](np.where(known, frames, np.float32(np.nan)), usable)
    return Motion(field) if field.any() else standing(UNCHANGED)


def _check(context: np.ndarray) -> None:
    if context.ndim != 3:
        raise ValueError(f"got a context {context.shape}, expected (T, H, W)")
    with np.errstate(invalid="ignore"):
        outside = (context < -ROUNDING) | (context > 1 + ROUNDING)
    if outside.any():
        low, high = np.nanmin(context), np.nanmax(context)
        raise ValueError(f"got values {low:g}..{high:g}, expected 0..1")


def _usable_pairs(frames: np.ndarray, known: np.ndarray) -> tuple[np.ndarray, str]:
    """Which pairs (T - 1,) can show motion; why the last one that cannot does not."""
    known_share = (known[1:] & known[:-1]).mean(axis=(1, 2))
    wet = np.count_nonzero(frames, axis=(1, 2)) >= WET
    contrast = np.ptp(frames, axis=(1, 2)) > 0
    checks = {
        MISSING: known_share >= KNOWN,
        DRY: wet[1:] & wet[:-1],
        UNIFORM: contrast[1:] & contrast[:-1],
    }
    usable = np.logical_and.reduce([*checks.values()])
    reason = next((why for why, passed in checks.items() if not passed[-1]), "")
    return usable, reason
