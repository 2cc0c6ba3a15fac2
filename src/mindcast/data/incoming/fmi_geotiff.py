"""FMI composites of reflectivity in GeoTIFF through pysteps' importer, which needs GDAL."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mindcast.config.incoming import InputSettings
from mindcast.data.incoming.frames import Frame, Place
from mindcast.data.incoming.importers import imported, placed, require
from mindcast.data.incoming.names import times_by_name


def places(files: Sequence[Path], settings: InputSettings, interval_minutes: int) -> list[Place]:
    """A frame each, of the time in its name: the files hold none."""
    require("osgeo", "gdal", files[0])
    return times_by_name(files, settings, interval_minutes)


def read(place: Place, settings: InputSettings) -> Frame:
    """dBZ."""
    values, metadata = imported("fmi_geotiff", place.path)
    values, grid = placed(place.path, values, metadata)
    return Frame(values, "dBZ", grid)
