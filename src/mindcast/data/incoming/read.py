"""From the files that a user names to the input of a nowcast."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from mindcast.config.incoming import InputSettings
from mindcast.data.incoming.choose import choose
from mindcast.data.incoming.find import find_files
from mindcast.data.incoming.formats import (
    FORMATS,
    UNTOLD,
    Reader,
    check_settings,
    format_of,
    known_formats,
)
from mindcast.data.incoming.frames import Frame, Incoming, Needed, Place, RadarFrames
from mindcast.data.incoming.importers import instead
from mindcast.data.incoming.model_input import as_input
from mindcast.data.incoming.quantities import check_values, without_flags
from mindcast.mapgrid import MapGrid
from mindcast.refusal import Refusal


def open_incoming(
    inputs: Sequence[str], at: np.datetime64 | None, needed: Needed, settings: InputSettings
) -> Incoming:
    """The newest frames in files, folders or patterns, or those that end `at` a time (UTC).

    Refusal for files of an unknown format, of several, or damaged; for frames that are too few,
    uneven in time or wholly missing; for units that are not known; for values beyond the scale.
    """
    reader, places = find_places(inputs, settings, needed.interval_minutes)
    chosen, notes = choose(places, at, needed)
    frames = read_frames(reader, chosen, settings)
    return as_input(frames, needed, settings, notes)


def find_places(
    inputs: Sequence[str],
    settings: InputSettings,
    interval_minutes: int,
    option: str = "--input",
) -> tuple[Reader, list[Place]]:
    """The reader of the one format that the inputs have, and all their frames.

    option: where the user gave them, for a refusal.
    """
    by_format = _by_format(inputs, settings, option)
    if len(by_format) > 1:
        found = ", ".join(f"{paths[0]} ({name})" for name, paths in by_format.items())
        raise Refusal(
            f"{option}: files of several formats, {found}; give those of one, or state it by "
            "input.format"
        )
    ((name, paths),) = by_format.items()
    check_settings(name, settings)
    reader = FORMATS[name].reader
    places = reader.places(paths, settings, interval_minutes)
    if not places:
        raise Refusal(f"{paths[0]}: holds no frame; give files that do")
    return reader, places


def _by_format(
    inputs: Sequence[str], settings: InputSettings, option: str
) -> dict[str, list[Path]]:
    """The files of each format; Refusal where one that was named, or all, are of none."""
    files, within = find_files(inputs, option)
    found: dict[str, list[Path]] = {}
    for path in files:
        name = _format(path, path in within, settings)
        if name is not None:
            found.setdefault(name, []).append(path)
        elif path not in within:
            raise _unknown(path)
    if not found and settings.format != "auto":
        raise Refusal(
            f"{files[0].parent}: holds no file of input.format = {settings.format}; name the "
            "files, as *.gif, to have them read so, or leave that setting out"
        )
    if not found:
        raise Refusal(
            f"{files[0].parent}: holds no radar file, but {files[0].name} is {instead(files[0])}; "
            f"can be read: {known_formats()}"
        )
    return found


def require_known(inputs: Sequence[str], settings: InputSettings, option: str) -> None:
    """Refusal for a file that is named and of no known format; folders are left to the reading."""
    files, within = find_files(inputs, option)
    for path in files:
        if path not in within and _format(path, False, settings) is None:
            raise _unknown(path)


def _unknown(path: Path) -> Refusal:
    return Refusal(f"{path}: is {instead(path)}; can be read: {known_formats()}")


def _format(path: Path, is_within: bool, settings: InputSettings) -> str | None:
    """The format to read a file by; None to leave it.

    One that is stated holds for files that are named; of a folder only those count that are of it.
    """
    stated = settings.format
    if stated != "auto" and (not is_within or stated in UNTOLD):
        return stated
    found = format_of(path)
    return found if stated in ("auto", found) else None


def read_frames(reader: Reader, places: Sequence[Place], settings: InputSettings) -> RadarFrames:
    """The frames of these places; Refusal where they differ in unit, size or place."""
    frames = [read_frame(reader, place, settings) for place in places]
    first = frames[0]
    for place, frame in zip(places, frames, strict=True):
        check_same(place, frame, places[0], first)
    return RadarFrames(
        np.stack([frame.values for frame in frames]).astype(np.float32),
        first.unit,
        np.array([place.time for place in places], "datetime64[s]"),
        first.grid,
        tuple(dict.fromkeys(place.path for place in places)),
        tuple(dict.fromkeys(note for frame in frames for note in frame.notes)),
        first.is_prepared,
    )


def read_frame(reader: Reader, place: Place, settings: InputSettings) -> Frame:
    """One frame; Refusal for values that cannot be of its unit."""
    frame = reader.read(place, settings)
    values, notes = without_flags(frame.values, frame.unit)
    values = check_values(values, frame.unit, str(place.path))
    return replace(frame, values=values, notes=(*frame.notes, *notes))


def check_same(place: Place, frame: Frame, first_place: Place, first: Frame) -> None:
    """Refusal where a frame differs in size, unit or place from the first of its series."""
    found, expected = frame.values.shape, first.values.shape
    if found != expected:
        raise Refusal(
            f"{place.path}: has frames of {found[0]} x {found[1]}, {first_place.path.name} has "
            f"{expected[0]} x {expected[1]}; give frames of one area"
        )
    if frame.unit != first.unit:
        raise Refusal(
            f"{place.path}: holds {frame.unit}, {first_place.path.name} {first.unit}; give files "
            "of one product"
        )
    if not _same_grid(frame.grid, first.grid):
        raise Refusal(
            f"{place.path}: lies elsewhere on the map than {first_place.path.name}; give frames "
            "of one area"
        )


def _same_grid(one: MapGrid | None, other: MapGrid | None) -> bool:
    if one is None or other is None:
        return one is other
    near = 0.01 * min(one.pixel_m)
    return one.projection == other.projection and all(
        np.allclose(a, b, rtol=0, atol=near) for a, b in ((one.x, other.x), (one.y, other.y))
    )
