"""Which HDF5 files make up a set of sequences.

A set is one HDF5 file, or a folder of them with `set.json`, which is written last and names them:
a folder without it is not finished.
"""

from __future__ import annotations

import json
from pathlib import Path

import h5py

from mindcast.data.radar.hdf5 import HDF5_ERRORS
from mindcast.refusal import Refusal

MANIFEST = "set.json"
INTERVAL = "interval_minutes"  # attribute of a file that we made from frames with times
PART = "part_of_a_set"  # attribute of a file that is of no use without the others


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
    if PART in attributes_of(found[0]):
        raise Refusal(
            f"{found[0]}: is part of a set that is not finished; run --mode prepare again"
        )
    return found


def _manifest_files(root: Path) -> list[Path]:
    try:
        names = json.loads((root / MANIFEST).read_text(encoding="utf-8"))["files"]
        return [root / name for name in names]
    except (OSError, ValueError, LookupError, TypeError):
        raise Refusal(
            f"{root / MANIFEST}: not the list of files that --mode prepare writes; "
            "delete it and run --mode prepare again"
        ) from None


def attributes_of(path: Path) -> dict[str, str]:
    """The attributes of a file as text; none of what is no HDF5 file."""
    try:
        with h5py.File(path, "r") as file:
            return {name: str(value) for name, value in file.attrs.items()}
    except HDF5_ERRORS:
        return {}
