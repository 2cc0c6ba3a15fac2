"""The file of a report that is still being made: what its scores have added up, of how many cases.

A report without it is finished.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mindcast.files import complete_or_absent
from mindcast.refusal import Refusal, one_line

FILE = "unfinished.npz"
ABOUT = "about"


@dataclass(frozen=True)
class Unfinished:
    """How far a report has come.

    identity: what its numbers depend on, as JSON has it. cases: how many are scored. sums: see
    `Suite.state`.
    """

    identity: Mapping[str, Any]
    cases: int
    sums: Mapping[str, np.ndarray]


def write(folder: Path, state: Unfinished, remedy: str) -> None:
    """Put the state of a report into its folder; complete or not at all."""
    about = json.dumps({"identity": state.identity, "cases": state.cases})
    with complete_or_absent(folder / FILE, remedy) as part, open(part, "wb") as file:
        np.savez(file, **{ABOUT: np.array(about)}, **state.sums)


def read(folder: Path) -> Unfinished | None:
    """The state of the report in a folder; None if it is finished. Refusal for a damaged one."""
    path = folder / FILE
    if not path.is_file():
        return None
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = dict(file)
        about = json.loads(str(arrays.pop(ABOUT)))
        return Unfinished(dict(about["identity"]), int(about["cases"]), arrays)
    except (OSError, ValueError, LookupError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise Refusal(
            f"{path}: cannot be read ({one_line(error)}); leave out --resume for a new report"
        ) from None
