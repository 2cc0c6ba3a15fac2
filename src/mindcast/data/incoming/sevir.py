"""An event of a SEVIR file of vertically integrated liquid.

The file holds ids and codes, no times: these are those of the catalogue, where one lies above it,
or of the settings.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import h5py
import numpy as np

from mindcast.config.incoming import InputSettings
from mindcast.data.incoming.frames import NO_MAP, Frame, Place
from mindcast.data.incoming.importers import damaged
from mindcast.data.incoming.names import timed
from mindcast.data.radar.archive.catalogue import FILE_NAME, find_event
from mindcast.data.radar.archive.event_files import IMAGE_TYPE
from mindcast.data.radar.attributes import plain
from mindcast.data.radar.hdf5 import HDF5_ERRORS, read_part
from mindcast.data.radar.packing import packing_of
from mindcast.data.radar.stated_unit import check_unit
from mindcast.data.radar.values import StoredScale
from mindcast.refusal import Refusal

MISSING = 255
EVENT_MINUTES = 240  # of SEVIR, and of what is thinned from it
KNOWN_FRAMES = (25, 49)
MANY = 4  # ids shown in a refusal


def places(files: Sequence[Path], settings: InputSettings, interval_minutes: int) -> list[Place]:
    """All frames of the event that is asked for."""
    found = [(path, row, name) for path in files for row, name in _events(path)]
    if settings.event:
        wanted = settings.event
        found = [one for one in found if wanted == one[2]] or [
            one for one in found if wanted == str(one[1])
        ]
    if len(found) != 1:
        ids = ", ".join(name for _, _, name in found[:MANY]) + (
            ", ..." if len(found) > MANY else ""
        )
        asked = f"input.event = {settings.event!r}: " if settings.event else ""
        raise Refusal(
            f"{files[0]}: {asked}{len(found)} events ({ids or 'none of that id'}), expected one; "
            "name it in input.event by its id"
        )
    path, row, name = found[0]
    frames = _frames(path)
    interval = settings.interval_minutes
    if interval is None and frames in KNOWN_FRAMES:
        interval = EVENT_MINUTES // (frames - 1)
    interval = interval or interval_minutes
    catalogue = next((p / FILE_NAME for p in path.parents if (p / FILE_NAME).is_file()), None)
    event = find_event(catalogue.parent, IMAGE_TYPE, name) if catalogue else None
    if event is not None and settings.last_time is None:
        times = event.frame_times(frames, interval).astype("datetime64[s]")
        return [Place(path, time, k, str(row)) for k, time in enumerate(times)]
    every = [(path, k, str(row)) for k in range(frames)]
    return timed(every, settings.model_copy(update={"interval_minutes": interval}), interval)


def read(place: Place, settings: InputSettings) -> Frame:
    """Codes of VIL; 255 is missing."""
    where = f"{place.path}: event {place.part}"
    try:
        with h5py.File(place.path, "r") as file:
            dataset = file[IMAGE_TYPE]
            check_unit(dataset, StoredScale(), where)
            part = (int(place.part), slice(None), slice(None), place.number)
            stored = read_part(dataset, part, where)
            values = packing_of(dataset, where).unpacked(stored, where).astype(np.float64)
    except HDF5_ERRORS as error:
        if isinstance(error, Refusal):
            raise
        raise damaged(place.path, error) from None
    values = np.where(values == MISSING, np.nan, values)
    return Frame(values, "VIL", None, (NO_MAP,), is_prepared=True)


def _events(path: Path) -> list[tuple[int, str]]:
    """Rows and ids of a file; without ids the rows are their names."""
    try:
        with h5py.File(path, "r") as file:
            count = len(file[IMAGE_TYPE])
            ids = plain(np.asarray(file["id"])) if "id" in file else None
    except HDF5_ERRORS as error:
        raise damaged(path, error) from None
    ids = [ids] if isinstance(ids, str) else ids
    if ids is None or len(ids) != count:
        ids = list(range(count))
    return [(row, str(name)) for row, name in enumerate(ids)]


def _frames(path: Path) -> int:
    with h5py.File(path, "r") as file:
        return int(file[IMAGE_TYPE].shape[-1])
