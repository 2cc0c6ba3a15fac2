"""Writing sequences into HDF5 groups, and finding the files of a set again.

A set is one HDF5 file, or a folder of them with `set.json`, which is written last and names them:
a folder without it is not finished. Every file tells the recipe that it was made by.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from mindcast.data.sequence_layouts import Layout
from mindcast.files import complete_or_absent
from mindcast.refusal import Refusal

MANIFEST = "set.json"
RECIPE = "recipe"  # attribute of a file, JSON
PART = "part_of_a_set"  # attribute of a file that is of no use without the others
CHUNK_FRAMES = 8

Recipe = Mapping[str, Any]
Sequence = tuple[np.ndarray, Mapping[str, Any]]  # codes (T, H, W) uint8 and their attributes


def write_file(
    path: Path,
    layout: Layout,
    recipe: Recipe,
    splits: Mapping[str, Iterable[Sequence]],
    part_of_a_set: bool = False,
) -> dict[str, int]:
    """A file with a group for each of `splits`; gives the number of sequences in each.

    The file appears under its name when complete; Refusal where it cannot be written.
    """
    counts = {}
    with complete_or_absent(path) as part, h5py.File(part, "w") as file:
        file.attrs[RECIPE] = _text(recipe)
        if part_of_a_set:
            file.attrs[PART] = True
        for split, sequences in splits.items():
            name = layout.val_group if split == "val" else split
            group, counts[split] = file.create_group(name), 0
            for codes, attributes in sequences:
                _write_sequence(group, layout.name(counts[split]), codes, attributes)
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


def is_finished(path: Path, recipe: Recipe) -> bool:
    """Whether a file is there and made by this recipe; Refusal if something else has its name."""
    if not path.exists():
        return False
    found = _attributes(path).get(RECIPE, "")
    if found != _text(recipe):
        raise Refusal(
            f"{path}: holds something else than this preparation makes ({_text(recipe)}; "
            f"found {found or 'no recipe'}); move it away or choose another "
            "data.root_dir"
        )
    return True


def finish(root: Path, files: Iterable[Path]) -> None:
    """Say that a folder is complete and which files belong to it."""
    with complete_or_absent(root / MANIFEST) as part:
        names = [path.name for path in files]
        part.write_text(json.dumps({"files": names}, indent=1), encoding="utf-8")


def files_of(root: Path) -> list[Path]:
    """The HDF5 file `root`, or those of the set in the folder `root`; Refusal if it is neither."""
    if not root.is_dir():
        if not root.exists():
            raise Refusal(
                f"{root}: no such file or folder; set data.root_dir to the HDF5 file, or "
                "make it with --mode prepare"
            )
        return [root]
    if (root / MANIFEST).is_file():
        return _manifest_files(root)
    # hidden ones are what a preparation that was killed left
    found = sorted(p for p in root.glob("[!.]*") if p.suffix in (".h5", ".hdf5"))
    names = ", ".join(path.name for path in found[:3])
    if not found:
        raise Refusal(
            f"{root}: no .h5 file in this folder; set data.root_dir to the HDF5 file, or "
            "make it with --mode prepare"
        )
    if len(found) > 1:
        raise Refusal(
            f"{root}: holds {len(found)} HDF5 files ({names}, ...) and no {MANIFEST}; "
            "name one of them in data.root_dir, or run --mode prepare again if it was "
            "cut short"
        )
    if PART in _attributes(found[0]):
        raise Refusal(
            f"{found[0]}: is part of a set that is not finished; run --mode prepare again"
        )
    return found


def _manifest_files(root: Path) -> list[Path]:
    try:
        names = json.loads((root / MANIFEST).read_text(encoding="utf-8"))["files"]
        return [root / name for name in names]
    except (OSError, ValueError, KeyError, TypeError):
        raise Refusal(
            f"{root / MANIFEST}: not the list of files that --mode prepare writes; "
            "delete it and run --mode prepare again"
        ) from None


def _text(recipe: Recipe) -> str:
    return json.dumps(recipe, sort_keys=True)


def _attributes(path: Path) -> dict[str, str]:
    """The attributes of a file as text; none of what is no HDF5 file."""
    try:
        with h5py.File(path, "r") as file:
            return {name: str(value) for name, value in file.attrs.items()}
    except OSError:
        return {}
