"""Which of the frames at hand are the model's: the newest, or those that end at a time."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from mindcast.data.incoming.frames import Needed, Place
from mindcast.refusal import Refusal

MINUTE = np.timedelta64(60, "s")
JITTER = 0.1  # of the interval: clocks of radars


def choose(
    places: Sequence[Place], at: np.datetime64 | None, needed: Needed
) -> tuple[list[Place], tuple[str, ...]]:
    """The frames of the model's input, oldest first, and what was left out between them.

    Refusal where they are too few, of one time twice, or not evenly spaced by the model's interval
    or a whole fraction of it.
    """
    ordered = sorted(places, key=lambda place: (place.time, place.path, place.number))
    last = _last(ordered, at)
    if needed.frames == 1:
        return [ordered[last]], ()
    # as many as any step could need: from a little before the first
    span = (needed.frames - 1 + JITTER) * needed.interval_minutes * MINUTE
    first = np.searchsorted([p.time for p in ordered[: last + 1]], ordered[last].time - span)
    window = ordered[int(first) : last + 1]
    check_once(window)
    step = _step(window, ordered[: last + 1], needed)
    every = needed.interval_minutes / step
    if abs(every - round(every)) > JITTER or round(every) < 1:
        raise Refusal(
            f"{window[-1].path}: frames are {step:g} minutes apart, the model takes frames "
            f"{needed.interval_minutes} minutes apart; give frames of that step or of a fraction "
            "of it"
        )
    _check_even(window, step)
    chosen = window[:: -round(every)][: needed.frames][::-1]
    if len(chosen) < needed.frames:
        raise Refusal(
            f"{window[-1].path}: {len(chosen)} frames up to {window[-1].time}, "
            f"{needed.interval_minutes} minutes apart, expected {needed.frames}; give more files "
            "or a later time"
        )
    if round(every) == 1:
        return chosen, ()
    return chosen, (
        f"one frame in {round(every)} is taken: the files' are {step:g} minutes apart, the "
        f"model's {needed.interval_minutes}",
    )


def _last(ordered: Sequence[Place], at: np.datetime64 | None) -> int:
    """The number of the frame at a time, by default the newest."""
    if at is None:
        return len(ordered) - 1
    wanted = at.astype("datetime64[s]")
    times = np.array([place.time for place in ordered])
    found = np.flatnonzero(times == wanted)
    if len(found):
        return int(found[-1])
    nearest = np.sort(times[np.argsort(np.abs(times - wanted), kind="stable")[:2]])
    raise Refusal(
        f"--at {at}: no frame of that time, the nearest are of {' and '.join(map(str, nearest))} "
        f"(all: {times[0]} to {times[-1]}, UTC)"
    )


def check_once(window: Sequence[Place]) -> None:
    """Refusal where two of these frames, in order of time, are of one time."""
    for earlier, later in itertools.pairwise(window):
        if earlier.time == later.time:
            names = f"{earlier.path} and {later.path}"
            if earlier.path == later.path:
                names = str(earlier.path)
            raise Refusal(
                f"{names}: hold two frames of {later.time}; give one of them, of one radar or "
                "product"
            )


def _step(window: Sequence[Place], before: Sequence[Place], needed: Needed) -> float:
    """Usual minutes between the frames; of a single one in reach, the model's."""
    known = window if len(window) > 1 else before[-2:]
    if len(known) < 2:
        return float(needed.interval_minutes)
    return float(np.median(np.diff([place.time for place in known])) / MINUTE)


def _check_even(window: Sequence[Place], step: float) -> None:
    """Refusal for a gap, or a frame too many, within the time that the model sees."""
    for earlier, later in itertools.pairwise(window):
        minutes = float((later.time - earlier.time) / MINUTE)
        if abs(minutes - step) > JITTER * step:
            raise Refusal(
                f"{later.path}: its frame of {later.time} comes {minutes:g} minutes after the one "
                f"before, expected {step:g} as between the others; give frames without a gap, or "
                "another --at"
            )
