"""Frames in PNG and GIF pictures of grey codes whose values the settings state."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mindcast.config.incoming import InputSettings
from mindcast.data.incoming.codes import frame_of_codes
from mindcast.data.incoming.frames import Frame, Place
from mindcast.data.incoming.names import timed
from mindcast.data.radar.sequences.pictures import extent, read_grey
from mindcast.refusal import Refusal


def places(files: Sequence[Path], settings: InputSettings, interval_minutes: int) -> list[Place]:
    """A frame for each picture, or of an animated one for each of its; times by names."""
    if settings.physical_per_code is None:
        raise Refusal(
            f"{files[0]}: is a picture, whose grey codes have no value by themselves; set "
            "input.physical_per_code, input.offset and input.unit"
        )
    frames = [(path, number, "") for path in files for number in range(extent(path)[0])]
    return timed(frames, settings, interval_minutes)


def read(place: Place, settings: InputSettings) -> Frame:
    """In the unit that the settings state; transparent pixels are missing."""
    codes, transparent = read_grey(place.path, place.number)
    return frame_of_codes(codes, place.path, settings, gone=transparent)
