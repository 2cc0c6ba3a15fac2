"""SEVIR-LR out of SEVIR: every second frame, every block of 3 x 3 pixels reduced to one.

384 x 384 pixels every 5 minutes, 49 frames, become 128 x 128 every 10 minutes, 25 frames. Works
event by event; a file appears under its name only when complete, so a run that was cut short can
be repeated and goes on with the first unfinished file.
"""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import h5py
import numpy as np
from tqdm import tqdm

from mindcast.data.radar.archive.catalogue import FILE_NAME, file_names
from mindcast.data.radar.archive.event_files import (
    CLIP_INSTEAD,
    IMAGE_TYPE,
    SEVIR_SHAPE,
    EventFiles,
)
from mindcast.data.radar.archive.settings import SevirLRSettings
from mindcast.data.radar.attributes import plain
from mindcast.data.radar.composites.prepare_archive import prepare_archive
from mindcast.data.radar.hdf5 import HDF5_ERRORS, read_part
from mindcast.data.radar.scaling import whole_codes
from mindcast.data.source_state import SOURCE, check_state, state_of
from mindcast.files import check_space, complete_or_absent
from mindcast.refusal import Refusal
from mindcast.unfailing import Unfailing

Reduction = Literal["max", "mean"]
Shape = tuple[int, int, int]
TIME_STEP, BLOCK = 2, 3


def prepare(settings: SevirLRSettings) -> None:
    """Make the archive that `settings.prepare` describes; Refusal without that section."""
    if settings.composites is not None:
        prepare_archive(settings, settings.composites)
        return
    how = settings.prepare
    if how is None:
        raise Refusal("data.prepare is missing; give data.prepare.source_dir, the folder of SEVIR")
    target = how.target_dir or settings.root_dir
    check = settings.check_values
    prepare_sevir_lr(how.source_dir, target, how.reduction, clip=how.clip, check_values=check)


def prepare_sevir_lr(
    source_dir: str | Path,
    target_dir: str | Path,
    reduction: Reduction = "max",
    source_shape: Shape = SEVIR_SHAPE,
    clip: bool = False,
    check_values: bool = True,
) -> None:
    """Write the reduced archive, files under the names of the source; shows progress by event.

    The catalogue is copied last and unchanged: a folder with a catalogue is complete. Finished
    files are kept; files that hold anything else, or were made from another state of the source,
    are refused, never overwritten. clip, check_values: as in the settings.
    """
    source, target = Path(source_dir), Path(target_dir)
    names = file_names(source, IMAGE_TYPE)
    _check_target(source, target)
    files = EventFiles(IMAGE_TYPE, source_shape, way_out="fix it", beyond=CLIP_INSTEAD, clip=clip)
    events = {name: len(files.dataset(source / "data" / name)) for name in names}
    if check_values:
        files.check_scale({source / "data" / name: range(events[name]) for name in names})
    with tqdm(total=sum(events.values()), desc="SEVIR-LR", unit="event") as bar:
        for name in names:
            path, full = target / "data" / name, source / "data" / name
            state, shape = state_of([full], source), (events[name], *_reduced(source_shape))
            if _is_finished(path, shape, reduction, full, state):
                bar.update(events[name])
            else:
                _reduce_file(files, full, path, reduction, state, bar.update)
    files.close()
    with complete_or_absent(target / FILE_NAME) as part:
        shutil.copyfile(source / FILE_NAME, part)


def reduce_frames(frames: np.ndarray, reduction: Reduction) -> np.ndarray:
    """(..., H, W, T) to (..., H // 3, W // 3, T): rows and columns left over are dropped.

    The maximum keeps the type, the mean is float32 (reference: its run-time average pooling).
    """
    *lead, height, width, times = frames.shape
    rows, columns = height // BLOCK, width // BLOCK
    whole = frames[..., : rows * BLOCK, : columns * BLOCK, :]
    blocks = whole.reshape(*lead, rows, BLOCK, columns, BLOCK, times)
    if reduction == "max":
        return blocks.max(axis=(-4, -2))
    return blocks.mean(axis=(-4, -2), dtype=np.float32)


def _reduced(shape: Shape) -> Shape:
    height, width, frames = shape
    return height // BLOCK, width // BLOCK, -(-frames // TIME_STEP)


def _reduce_file(
    files: EventFiles,
    source: Path,
    target: Path,
    reduction: Reduction,
    state: str,
    advance: Callable[[int], object],
) -> None:
    """One file, event by event. Differs: means are rounded to whole codes, to stay uint8."""
    dataset = files.dataset(source)
    shape = (len(dataset), *_reduced(files.event_shape))
    check_space(target, math.prod(shape))
    with (
        complete_or_absent(target) as part,
        Unfailing(part) as disk,
        h5py.File(disk, "w") as file,
    ):
        ids = dataset.file.get("id")
        if isinstance(ids, h5py.Dataset):
            file["id"] = read_part(ids, (), f"{source}: id")
        out = file.create_dataset(
            IMAGE_TYPE, shape, np.uint8, chunks=(1, *shape[1:]), compression="gzip"
        )
        out.attrs["reduction"], out.attrs[SOURCE] = reduction, state
        for index in range(shape[0]):
            frames = files.read(source, index, slice(None))  # a step in HDF5 is 80 times slower
            reduced = reduce_frames(frames[..., ::TIME_STEP], reduction)
            out[index] = whole_codes(reduced, f"{source}: event {index}")
            disk.check()
            advance(1)


def _is_finished(
    path: Path, shape: tuple[int, ...], reduction: Reduction, source: Path, state: str
) -> bool:
    """Whether the file is there and right; Refusal if something else has its name."""
    if not path.exists():
        return False
    made_from = None
    try:
        with h5py.File(path, "r") as file:
            dataset = file[IMAGE_TYPE]
            found = (dataset.shape, dataset.attrs.get("reduction"))
            made_from = plain(dataset.attrs.get(SOURCE))
    except HDF5_ERRORS:
        found = (None, None)
    if found != (shape, reduction):
        raise Refusal(
            f"{path}: holds something else than {shape} events reduced by {reduction} "
            f"(found {found[0]}, {found[1]}); move it away or choose another "
            "data.prepare.target_dir"
        )
    check_state(path, made_from, source, state)
    return True


def _check_target(source: Path, target: Path) -> None:
    if target.resolve() == source.resolve():
        raise Refusal(f"{target}: is the source folder too; choose another data.prepare.target_dir")
    catalogue = target / FILE_NAME
    if catalogue.exists() and catalogue.read_bytes() != (source / FILE_NAME).read_bytes():
        raise Refusal(
            f"{catalogue}: is not the catalogue of {source}; the folder holds another "
            "archive, choose another data.prepare.target_dir"
        )
