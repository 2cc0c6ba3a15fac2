"""Rain rates from satellite, CRRI of NWC SAF, through pysteps' importer.

Differs: the unit is checked and the time is the file's (nominal_product_time).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mindcast.config.incoming import InputSettings
from mindcast.data.incoming.cf_names import of_unit
from mindcast.data.incoming.frames import Frame, Place
from mindcast.data.incoming.importers import imported, placed
from mindcast.data.temperature.netcdf import opened
from mindcast.data.temperature.units import text
from mindcast.refusal import Refusal

TIMES = ("nominal_product_time", "time_coverage_start")


def places(files: Sequence[Path], settings: InputSettings, interval_minutes: int) -> list[Place]:
    """A frame each, of its nominal time."""
    return [Place(path, _time(path)) for path in files]


def read(place: Place, settings: InputSettings) -> Frame:
    """Rain rate, mm/h."""
    values, metadata = imported("saf_crri", place.path)
    stated = str(metadata.get("unit", ""))
    found = of_unit(stated)
    if found is None or found.unit != "mm/h":
        raise Refusal(f"{place.path}: crr_intensity is in {stated!r}, expected mm/h; fix the file")
    values, grid = placed(place.path, values * found.factor, metadata)
    return Frame(values, "mm/h", grid)


def _time(path: Path) -> np.datetime64:
    with opened(path, "netcdf4") as data:
        stated = next((text(data.attrs[name]) for name in TIMES if name in data.attrs), "")
    try:
        return np.datetime64(stated.rstrip("Zz"), "s")
    except ValueError:
        raise Refusal(
            f"{path}: {TIMES[0]} = {stated!r}, expected such as 2020-07-01T12:00:00Z; fix it"
        ) from None
