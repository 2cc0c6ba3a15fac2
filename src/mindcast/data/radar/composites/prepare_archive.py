"""An archive in the SEVIR-LR layout out of radar composites: VIL-like codes of events.

Splits are the archive's own, by the dates of its settings. An event lies wholly in the time of one
split, so no frame is in two.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from mindcast.data.radar.archive.catalogue import FILE_NAME
from mindcast.data.radar.archive.event_files import IMAGE_TYPE
from mindcast.data.radar.archive.settings import ArchiveSettings
from mindcast.data.radar.composites.prepare_sequences import (
    common_folder,
    frame_bar,
    no_window,
    say_notes,
)
from mindcast.data.radar.composites.series import Scale, Series
from mindcast.data.radar.composites.settings import CompositesSettings
from mindcast.data.radar.composites.windows import Cut, Window, frames_to_read, windows_of
from mindcast.data.radar.scaling import CODE_MAX
from mindcast.data.source_state import check_state, state_of
from mindcast.files import complete_folder_or_absent
from mindcast.mapgrid import MapGrid
from mindcast.refusal import Refusal
from mindcast.unfailing import Unfailing

MANIFEST = "composites.json"
EARLIEST, LATEST = datetime(1900, 1, 1), datetime(2200, 1, 1)
SECOND = timedelta(seconds=1)
Row = dict[str, Any]


def prepare_archive(settings: ArchiveSettings, how: CompositesSettings) -> None:
    """Make the folder `root_dir` of the composites that `how` names.

    What is there by the same settings and of the same files is kept; anything else is refused.
    """
    root, periods = Path(settings.root_dir), periods_of(settings)
    scale = Scale("VIL", CODE_MAX, CODE_MAX, how.pixel_km, settings.interval_minutes)
    series = [Series(text, how.input, scale) for text in how.inputs]
    common = common_folder(series)
    state = state_of((file for one in series for file in one.files), common)
    recipe = _recipe(settings, how)
    if _is_finished(root, recipe, common, state):
        return
    cut = Cut(settings.frames_per_event, settings.frame_size, how, scale)
    total = sum(frames_to_read(one, [p], cut) for one in series for p in periods.values())
    with complete_folder_or_absent(root) as part, frame_bar(total) as bar:
        rows: list[Row] = []
        with Events(part, cut) as events:
            for split, period in periods.items():
                before = len(rows)
                for one in series:
                    for window in windows_of(one, [period], cut, bar.update):
                        rows.append(events.add(window, len(rows)))
                if len(rows) == before:
                    raise Refusal(no_window(split, cut, [period], series))
        _write_catalogue(part / FILE_NAME, rows)
        manifest = {"recipe": recipe, "state": state}
        (part / MANIFEST).write_text(json.dumps(manifest, indent=1), encoding="utf-8")
    say_notes(series)


def periods_of(settings: ArchiveSettings) -> dict[str, tuple[datetime, datetime]]:
    """[from, to) of each split; the archive's dates are those after which one begins.

    Refusal where a share of the training events is drawn for validation: they overlap.
    """
    if settings.val_start_date is None and settings.val_fraction:
        raise Refusal(
            "data.val_start_date is missing: windows of composites overlap, so events drawn by "
            "data.val_fraction would share frames with the training; give the date, or "
            "data.val_fraction=0"
        )
    test = settings.train_test_split_date
    val = settings.val_start_date or test
    first, last = settings.start_date or EARLIEST, settings.end_date or LATEST
    borders = {"train": (first, val), "val": (val, test), "test": (test, last)}
    return {
        split: (after + SECOND, until + SECOND)
        for split, (after, until) in borders.items()
        if after < until
    }


class Events:
    """The HDF5 files of an archive that is being written, one a year; a context manager."""

    def __init__(self, root: Path, cut: Cut) -> None:
        self.root, self.shape = root, (*cut.tile, cut.length)
        self._files: dict[str, h5py.File] = {}
        self._disks: dict[str, Unfailing] = {}
        self._ids: dict[str, list[str]] = {}
        self._stack = ExitStack()

    def __enter__(self) -> Events:
        return self

    def __exit__(self, *error: Any) -> None:
        for name, ids in self._ids.items():
            self._files[name]["id"] = np.array(ids, "S16")
        self._stack.__exit__(*error)

    def add(self, window: Window, number: int) -> Row:
        """Write one event; gives its row of the catalogue."""
        year = str(window.times[0])[:4]
        name = f"{IMAGE_TYPE}/{year}/COMPOSITES_VIL_{year}.h5"
        events, index = self._dataset(name), len(self._ids[name])
        events.resize(index + 1, axis=0)
        events[index] = np.moveaxis(window.codes, 0, -1)
        self._disks[name].check()
        identity = f"C{number:08d}"
        self._ids[name].append(identity)
        return {"id": identity, "file_name": name, "file_index": index, **_about(window)}

    def _dataset(self, name: str) -> h5py.Dataset:
        if name not in self._files:
            path = self.root / "data" / name
            path.parent.mkdir(parents=True)
            self._disks[name] = disk = self._stack.enter_context(Unfailing(path))
            self._files[name] = self._stack.enter_context(h5py.File(disk, "w"))
            self._ids[name] = []
            self._files[name].create_dataset(
                IMAGE_TYPE,
                (0, *self.shape),
                np.uint8,
                maxshape=(None, *self.shape),
                chunks=(1, *self.shape),
                compression="gzip",
            )
        return self._files[name][IMAGE_TYPE]


def _about(window: Window) -> Row:
    """The columns of the catalogue that tell of an event itself; `time_utc` is its middle frame.

    pct_missing is 0 also where a little that was missing was allowed: the reader leaves others out.
    """
    middle = window.times[len(window.times) // 2]
    offsets = ((window.times - middle) / np.timedelta64(60, "s")).round().astype(int)
    height, width = window.codes.shape[1:]
    return {
        "img_type": IMAGE_TYPE,
        "time_utc": str(middle).replace("T", " "),
        "minute_offsets": ":".join(map(str, offsets)),
        "source": window.source,
        "origin_row": window.origin[0],
        "origin_column": window.origin[1],
        **_on_the_map(window.grid),
        "size_x": width,
        "size_y": height,
        "data_min": int(window.codes.min()),
        "data_max": int(window.codes.max()),
        "pct_missing": 0.0,
    }


def _on_the_map(grid: MapGrid | None) -> Row:
    """Corners in degrees, projection and size; empty where the files do not say them."""
    names = ("llcrnrlat", "llcrnrlon", "urcrnrlat", "urcrnrlon", "proj", "height_m", "width_m")
    if grid is None:
        return dict.fromkeys(names, "")
    import pyproj  # late: it is slow

    height, width = grid.pixel_m
    to_degrees = pyproj.Transformer.from_crs(grid.projection, "EPSG:4326", always_xy=True)
    lower = to_degrees.transform(grid.x[0] - width / 2, grid.y[-1] - height / 2)
    upper = to_degrees.transform(grid.x[-1] + width / 2, grid.y[0] + height / 2)
    corners = [round(float(v), 5) for v in (lower[1], lower[0], upper[1], upper[0])]
    sides = (round(height * len(grid.y), 3), round(width * len(grid.x), 3))
    return dict(zip(names, (*corners, grid.projection, *sides), strict=True))


def _write_catalogue(path: Path, rows: Sequence[Row]) -> None:
    with path.open("w", newline="", encoding="utf-8") as text:
        writer = csv.DictWriter(text, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def _recipe(settings: ArchiveSettings, how: CompositesSettings) -> dict[str, Any]:
    names = {"frame_size", "frames_per_event", "interval_minutes", "start_date", "end_date"}
    names |= {"train_test_split_date", "val_start_date"}
    return {
        **settings.model_dump(mode="json", include=names),
        "composites": how.model_dump(mode="json", exclude_defaults=True),
    }


def _is_finished(root: Path, recipe: dict[str, Any], source: Path, state: str) -> bool:
    """Whether the archive is there and made by this recipe; Refusal for anything else."""
    if not root.exists() or (root.is_dir() and not any(_entries(root))):
        return False
    try:
        found = json.loads((root / MANIFEST).read_text(encoding="utf-8"))
        same, before = found["recipe"] == recipe, found["state"]
    except (OSError, ValueError, LookupError, TypeError):
        same, before = False, None
    if not same:
        raise Refusal(
            f"{root}: holds something else than this preparation makes; move it away or choose "
            "another data.root_dir"
        )
    check_state(root, before, source, state)
    return True


def _entries(root: Path) -> Iterator[Path]:
    return root.iterdir()
