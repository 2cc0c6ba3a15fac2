"""Writing sequences into HDF5 groups; every file keeps the recipe that it was made by."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from mindcast.data.radar.sequences.find_files import INTERVAL, MANIFEST, PART, attributes_of
from mindcast.data.radar.sequences.layouts import Layout
from mindcast.data.source_state import SOURCE, check_state
from mindcast.files import complete_or_absent
from mindcast.refusal import Refusal
from mindcast.unfailing import Unfailing

RECIPE = "recipe"  # attribute of a file, JSON
CHUNK_FRAMES = 8

Recipe = Mapping[str, Any]
Sequence = tuple[np.ndarray, Mapping[str, Any]]  # codes (T, H, W) uint8 and their attributes


def write_file(
    path: Path,
    layout: Layout,
    recipe: Recipe,
    splits: Mapping[str, Iterable[Sequence]],
    source_state: str,
    interval_minutes: int | None = None,
    part_of_a_set: bool = False,
) -> dict[str, int]:
    """A file with a group for each of `splits`; gives the number of sequences in each.

    source_state: what `state_of` gives for the files that they come from. interval_minutes:
    between frames, where that is known.
    The file appears under its name when complete; Refusal where it cannot be written.
    """
    counts = {}
    with (
        complete_or_absent(path) as part,
        Unfailing(part) as disk,
        h5py.File(disk, "w") as file,
    ):
        file.attrs[RECIPE], file.attrs[SOURCE] = _text(recipe), source_state
        if interval_minutes is not None:
            file.attrs[INTERVAL] = interval_minutes
        if part_of_a_set:
            file.attrs[PART] = True
        for split, sequences in splits.items():
            name = layout.val_group if split == "val" else split
            group, counts[split] = file.create_group(name), 0
            for codes, attributes in sequences:
                _write_sequence(group, layout.name(counts[split]), codes, attributes)
                disk.check()
                counts[split] += 1
            if not counts[split]:
                del file[name]
                continue
            above = "{group}" in layout.count
            (file if above else group)[layout.count.format(group=name)] = counts[split]
    return counts


def _write_sequence(
    group: h5py.Group, name: str, codes: np.ndarray, attributes: Mapping[str, Any]
) -> None:
    chunks = (min(CHUNK_FRAMES, len(codes)), *codes.shape[1:])
    dataset = group.create_dataset(name, data=codes, chunks=chunks, compression="gzip")
    dataset.attrs.update(attributes)


def is_finished(path: Path, recipe: Recipe, source: Path, state: str) -> bool:
    """Whether a file is there and made by this recipe from `source` as it is now.

    state: of the source, see `state_of`. Refusal if something else has its name.
    """
    if not path.exists():
        return False
    attributes = attributes_of(path)
    found = attributes.get(RECIPE, "")
    if found != _text(recipe):
        raise Refusal(
            f"{path}: holds something else than this preparation makes ({_text(recipe)}; "
            f"found {found or 'no recipe'}); move it away or choose another "
            "data.root_dir"
        )
    check_state(path, attributes.get(SOURCE), source, state)
    return True


def finish(root: Path, files: Iterable[Path]) -> None:
    """Mark a folder as complete by the list of the files that belong to it."""
    with complete_or_absent(root / MANIFEST) as part:
        names = [path.name for path in files]
        part.write_text(json.dumps({"files": names}, indent=1), encoding="utf-8")


def _text(recipe: Recipe) -> str:
    return json.dumps(recipe, sort_keys=True)
