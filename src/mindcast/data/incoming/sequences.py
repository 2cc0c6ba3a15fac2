"""A sequence out of an HDF5 file in the layout of our data sets, read as training reads it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mindcast.config.incoming import InputSettings
from mindcast.data.incoming.frames import NO_MAP, Frame, Place
from mindcast.data.incoming.names import MINUTE, timed
from mindcast.data.radar.attributes import whole_number
from mindcast.data.radar.scaling import CODE_MAX
from mindcast.data.radar.sequences.files import SequenceFiles, Stored
from mindcast.data.radar.sequences.find_files import INTERVAL, attributes_of
from mindcast.data.radar.sequences.layouts import LAYOUTS
from mindcast.data.radar.sequences.write import RECIPE
from mindcast.refusal import Refusal

MANY = 4  # names shown in a refusal
MISSING_IS_0 = "missing values of a sequence are read as 0, as in training"


def places(files: Sequence[Path], settings: InputSettings, interval_minutes: int) -> list[Place]:
    """All frames of the sequence that is asked for."""
    found = []
    for path in files:
        with_name = _opened(path, settings)
        stored = [one for group in with_name.groups(path) for one in with_name.listed(path, group)]
        with_name.close()
        found += [one for one in stored if settings.sequence in ("", one.name)]
    if len(found) != 1:
        names = ", ".join([one.name for one in found[:MANY]] + ["..."] * (len(found) > MANY))
        asked = f"input.sequence = {settings.sequence!r}: " if settings.sequence else ""
        raise Refusal(
            f"{files[0]}: {asked}{len(found)} sequences ({names or 'none of that name'}), expected "
            "one; name it in input.sequence, such as test/0"
        )
    return _timed(found[0], settings, interval_minutes)


def read(place: Place, settings: InputSettings) -> Frame:
    """dBZ, or codes of VIL."""
    files = _opened(place.path, settings)
    (stored,) = (
        one
        for one in files.listed(place.path, place.part.rpartition("/")[0])
        if one.name == place.part
    )
    scaled = files.read(stored, slice(place.number, place.number + 1))[0]
    files.close()
    scale = _scale(files.layout.unit, settings)
    return Frame(
        scaled * np.float32(scale),
        files.layout.unit,
        None,
        (NO_MAP, MISSING_IS_0),
        is_prepared=True,
    )


def _opened(path: Path, settings: InputSettings) -> SequenceFiles:
    layout = LAYOUTS[settings.layout or _layout_of(path)]
    return SequenceFiles(layout, _scale(layout.unit, settings), settings.axes)


def _scale(unit: str, settings: InputSettings) -> float:
    return CODE_MAX if unit == "VIL" else settings.value_scale


def _layout_of(path: Path) -> str:
    """The data set whose layout a file has, by the recipe of --mode prepare in it.

    Refusal without one: grey codes of reflectivity and codes of VIL look alike.
    """
    try:
        recipe = json.loads(attributes_of(path).get(RECIPE, ""))
    except ValueError:
        recipe = {}
    for key, layout in (("layout", recipe.get("layout")), ("val_after", "sevir_h5")):
        if key in recipe and layout in LAYOUTS:
            return str(layout)
    raise Refusal(
        f"{path}: does not say what its codes are; set input.layout to the data set that it is "
        f"laid out as, one of {', '.join(LAYOUTS)}"
    )


def _timed(stored: Stored, settings: InputSettings, interval_minutes: int) -> list[Place]:
    """By its `first_frame_utc`, or the settings; the interval by the file, or the settings."""
    own = whole_number(attributes_of(stored.path).get(INTERVAL))
    if own and settings.interval_minutes not in (None, own):
        raise Refusal(
            f"{stored.path}: {INTERVAL} = {own}, but input.interval_minutes = "
            f"{settings.interval_minutes}; leave that setting out"
        )
    interval = own or settings.interval_minutes or interval_minutes
    frames = [(stored.path, number, stored.name) for number in range(stored.frames)]
    if not stored.first_frame:
        return timed(frames, settings, interval)
    first = np.datetime64(stored.first_frame, "s")
    return [Place(*_swap(frame, first + k * interval * MINUTE)) for k, frame in enumerate(frames)]


def _swap(
    frame: tuple[Path, int, str], time: np.datetime64
) -> tuple[Path, np.datetime64, int, str]:
    path, number, part = frame
    return path, time, number, part
