"""S-PROG and STEPS of pysteps: what is small-scale is forecast less long than what is large.

S-PROG (Seed 2003) smooths what can no longer be known; STEPS (Bowler et al. 2006) puts noise of the
same spectrum in its place, an ensemble. Both carry the frames along pysteps' Lucas-Kanade field of
the last MOTION frames; what comes in from outside is no rain. pysteps' own settings, but 6 cascade
levels; STEPS with non-parametric noise, perturbed motion (BPS) and incremental masks.

Where they cannot be made, as in a dry context, the extrapolation stands instead.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from mindcast.evaluation.nowcast.baselines.base import Nowcast, Past
from mindcast.evaluation.nowcast.baselines.decibels import LEAST, from_decibels, to_decibels
from mindcast.evaluation.nowcast.baselines.moved import extrapolation
from mindcast.motion.field import DRY, motion_field
from mindcast.motion.pysteps import pysteps, quiet

MOTION = 5  # frames
ORDER = 2  # of the autoregression: it takes one frame more
LEVELS = 6
# of pysteps, for rain that its statistics cannot be taken of
FAILED = "pysteps failed"
FAILURES = (ArithmeticError, LookupError, RuntimeError, ValueError)


def s_prog(past: Past) -> Nowcast:
    """One field, (T, H, W, 1)."""
    return _forecast(past, "sprog")


def steps(past: Past) -> Nowcast:
    """An ensemble of `past.members`, (M, T, H, W, 1); member m is the same whatever M."""
    found = _forecast(
        past,
        "steps",
        n_ens_members=past.members,
        kmperpixel=past.pixel_km,
        timestep=past.interval_minutes,
        seed=past.seed,
    )
    if not found.instead:
        return found
    alike = np.repeat(found.forecast[np.newaxis], past.members, axis=0)
    return Nowcast(alike, found.instead, found.why)


def _forecast(past: Past, method: str, **options: Any) -> Nowcast:
    """What a method of pysteps makes of the past, or else what stands in."""
    frames = past.context[..., 0]
    motion = motion_field(frames[-MOTION:], "lucas_kanade")
    if not motion.moves:
        return _instead(past, motion.still)
    rain = _since_dry(to_decibels(frames[-1 - ORDER :] * past.value_scale, past.unit))
    if len(rain) < 2:
        return _instead(past, DRY)
    velocity = np.moveaxis(motion.field, -1, 0).astype(np.float64)
    forecast = pysteps(f"nowcasts.{method}").forecast
    options |= {"precip_thr": LEAST, "n_cascade_levels": LEVELS, "ar_order": len(rain) - 1}
    try:
        with quiet(), _own_random_numbers():
            made = forecast(rain, velocity, past.frames, **options)
    except FAILURES:
        return _instead(past, FAILED)
    if not np.isfinite(made).any():
        return _instead(past, FAILED)
    scaled = from_decibels(made, past.unit) / past.value_scale
    return Nowcast(np.clip(scaled, 0, 1).astype(np.float32)[..., np.newaxis])


def _since_dry(rain: np.ndarray) -> np.ndarray:
    """The frames after the last one without rain: an autoregression with such a one is none."""
    dry = np.flatnonzero((rain < LEAST).all(axis=(1, 2)))
    return rain[dry[-1] + 1 :] if len(dry) else rain


def _instead(past: Past, why: str) -> Nowcast:
    simpler = extrapolation(past)
    return Nowcast(simpler.forecast, simpler.instead or "extrapolation", why)


@contextmanager
def _own_random_numbers() -> Iterator[None]:
    """pysteps seeds the global generator of NumPy: whoever else draws from it goes on as before."""
    before = np.random.get_state()
    try:
        yield
    finally:
        np.random.set_state(before)
