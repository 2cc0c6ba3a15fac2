"""MeteoSwiss composites in metranet through pysteps' importer, which needs the package metranet.

Never told by itself: give `input.format=mch_metranet`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mindcast.config.incoming import InputSettings
from mindcast.data.incoming.amounts import as_rate
from mindcast.data.incoming.frames import Frame, Place
from mindcast.data.incoming.importers import imported, placed, require
from mindcast.data.incoming.mch_gif import NO_MAP, product_of


def places(files: Sequence[Path], settings: InputSettings, interval_minutes: int) -> list[Place]:
    """A frame each, of the time in its name."""
    require("metranet", "metranet", files[0])
    return [Place(path, product_of(path, path.name)[1]) for path in files]


def read(place: Place, settings: InputSettings) -> Frame:
    """Rain rate, mm/h."""
    path = place.path
    product, _, minutes = product_of(path, path.name)
    unit = "mm/h" if product == "RZC" else "mm"
    values, metadata = imported(
        "mch_metranet", path, product=product, unit=unit, accutime=minutes or 0
    )
    values, grid = placed(path, values, metadata)
    values, unit = as_rate(values, unit, path, minutes, settings)
    return Frame(values, unit, grid, (NO_MAP,))
