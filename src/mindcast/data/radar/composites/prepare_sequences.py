"""A set of sequences out of radar composites, in the layout of the chosen data set."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from mindcast.data.radar.composites.series import Scale, Series
from mindcast.data.radar.composites.settings import SequenceCompositesSettings
from mindcast.data.radar.composites.windows import Advance, Cut, Window, frames_to_read, windows_of
from mindcast.data.radar.sequences.files import FIRST_FRAME
from mindcast.data.radar.sequences.layouts import LAYOUTS, Layout
from mindcast.data.radar.sequences.settings import SequenceSettings
from mindcast.data.radar.sequences.write import Sequence, finish, is_finished, write_file
from mindcast.data.source_state import state_of
from mindcast.refusal import Refusal

FILE_NAME = "sequences.h5"
ORIGIN = "origin_row_col"  # attribute of a sequence: first row and column of its tile


def prepare_sequences(settings: SequenceSettings, how: SequenceCompositesSettings) -> None:
    """Make `root_dir` (a .h5 file, or a folder) of the composites that `how` names.

    What is there by the same settings and of the same files is kept; anything else is refused.
    """
    root, layout = Path(settings.root_dir), LAYOUTS[settings.name]
    path = root if root.suffix == ".h5" else root / FILE_NAME
    scale = scale_of(settings, layout, how.pixel_km)
    series = [Series(text, how.input, scale) for text in how.inputs]
    recipe, common = _recipe(settings, how), common_folder(series)
    state = state_of((file for one in series for file in one.files), common)
    if is_finished(path, recipe, common, state):
        return
    cut = Cut(how.length, how.tile, how, scale)
    total = sum(frames_to_read(one, p, cut) for one in series for p in how.periods.values())
    with frame_bar(total) as bar:
        splits = {split: _sequences(series, split, cut, how, bar.update) for split in how.periods}
        write_file(path, layout, recipe, splits, state, settings.interval_minutes)
    if path != root:
        finish(root, [path])
    say_notes(series)


def say_notes(series: Iterable[Series]) -> None:
    """What was assumed and converted in making a set, on stderr, a line each."""
    for one in series:
        for note in one.notes:
            print(f"mindcast: {one.name}: {note}", file=sys.stderr)


def scale_of(settings: SequenceSettings, layout: Layout, pixel_km: float) -> Scale:
    """What the layout stores of which values."""
    return Scale(
        layout.unit,
        settings.value_scale,
        layout.stored_maximum(settings.value_scale),
        pixel_km,
        settings.interval_minutes,
    )


def common_folder(series: Iterable[Series]) -> Path:
    """The folder that holds all files of some areas."""
    files = [str(file) for one in series for file in one.files]
    common = Path(os.path.commonpath(files))
    return common.parent if common.is_file() else common


def frame_bar(total: int) -> tqdm:
    """A bar that counts the frames that are read."""
    return tqdm(total=total, desc="composites", unit="frame", dynamic_ncols=True)


def _recipe(settings: SequenceSettings, how: SequenceCompositesSettings) -> dict[str, Any]:
    """What the set depends on; defaults are left out, so that new settings leave old sets alone."""
    return {
        "layout": settings.name,
        "value_scale": settings.value_scale,
        "interval_minutes": settings.interval_minutes,
        "composites": how.model_dump(mode="json", exclude_defaults=True),
    }


def _sequences(
    series: Iterable[Series],
    split: str,
    cut: Cut,
    how: SequenceCompositesSettings,
    advance: Advance,
) -> Iterator[Sequence]:
    """The sequences of a split; Refusal where there is none."""
    count = 0
    for one in series:
        for window in windows_of(one, how.periods[split], cut, advance):
            yield window.codes, attributes_of_window(window)
            count += 1
    if not count:
        raise Refusal(no_window(split, cut, how.periods[split], series))


def attributes_of_window(window: Window) -> dict[str, Any]:
    """Where and when a sequence was."""
    return {
        "source": window.source,
        FIRST_FRAME: str(window.times[0]),
        ORIGIN: np.array(window.origin),
    }


def no_window(split: str, cut: Cut, periods: Any, series: Iterable[Series]) -> str:
    """What to tell where a split stays empty."""
    at_hand = ", ".join(f"{one.name}: {one.times[0]} to {one.times[-1]}" for one in series)
    words = ", ".join(f"{start} to {stop}" for start, stop in periods)
    return (
        f"data.composites: no {split} window of {cut.length} frames in {words} without a gap and "
        f"with the rain of data.composites.rain ({at_hand}); change the period, length or rain"
    )
