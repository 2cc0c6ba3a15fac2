"""Times of frames whose files hold none: by their names, or by what the settings give."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mindcast.config.incoming import InputSettings
from mindcast.data.incoming.frames import Place
from mindcast.data.radar.sequences.find_frames import by_number
from mindcast.data.radar.sequences.frame_times import times_of
from mindcast.refusal import Refusal

MINUTE = np.timedelta64(60, "s")


def times_by_name(
    files: Sequence[Path], settings: InputSettings, interval_minutes: int
) -> list[Place]:
    """A frame each; Refusal where their names hold no time and the settings neither."""
    return timed([(path, 0, "") for path in files], settings, interval_minutes)


def timed(
    frames: Sequence[tuple[Path, int, str]], settings: InputSettings, interval_minutes: int
) -> list[Place]:
    """Places of (file, number, part) with times, in order of the names, numbers by their value.

    By `input.last_time` where it is given; else by the names, where each file is one frame.
    """
    frames = sorted(frames, key=lambda frame: (by_number(frame[0]), frame[1]))
    interval = settings.interval_minutes or interval_minutes
    if settings.last_time is not None:
        last = np.datetime64(settings.last_time, "s")
        back = np.arange(len(frames))[::-1] * interval * MINUTE
        return [
            Place(path, last - ago, number, part)
            for (path, number, part), ago in zip(frames, back, strict=True)
        ]
    files = [path for path, _, _ in frames]
    times = times_of(files, interval) if len(set(files)) == len(files) else None
    if times is None:
        raise Refusal(
            f"{files[0]}: neither the files nor their names say of when the frames are, "
            f"{interval} minutes apart; set input.last_time (of the last frame, UTC), or "
            "input.interval_minutes where the names hold times of another step"
        )
    return [
        Place(path, time, number, part)
        for (path, number, part), time in zip(frames, times, strict=True)
    ]
