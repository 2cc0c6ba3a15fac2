"""Checkpoints of this program as files, without MindSpore: arrays, and what made them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from mindcast.files import complete_or_absent
from mindcast.refusal import Refusal
from mindcast.weights.mindspore_file import read_mindspore, write_entries

REMEDY = "free some space or choose another --out; earlier checkpoints are untouched"
INFORMATION = "mindcast"  # the entry that holds the JSON text
STATE_ONLY = "pending"  # a key of the information of a state
CONVERTED = "converted"  # a key of that of weights that were trained by another program
FORMAT_VERSION = 1  # of the information and of the arrays' names; 0: before it was written down


def read(path: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Arrays by name and the information of a checkpoint; Refusal if missing or damaged."""
    if not path.is_file():
        raise Refusal(f"{path}: no such checkpoint; train the stage first or fix ckpt_path")
    try:
        entries = read_mindspore(path)
    except OSError as error:
        raise Refusal(f"{path}: cannot be read ({error.strerror}); use another copy") from None
    except ValueError as error:
        raise Refusal(
            f"{path}: not a whole checkpoint ({error}); it may be truncated, use another copy"
        ) from None
    text = entries.pop(INFORMATION, None)
    if not isinstance(text, str):
        raise Refusal(
            f"{path}: not a checkpoint of this program (no {INFORMATION!r} entry); weights from "
            "elsewhere become one by --mode convert"
        )
    arrays = {name: array for name, array in entries.items() if isinstance(array, np.ndarray)}
    try:
        return arrays, information_of(text)
    except Refusal as refusal:
        raise Refusal(f"{path}: {refusal}") from None


def write(path: Path, arrays: Mapping[str, np.ndarray], information: Mapping[str, Any]) -> None:
    """Arrays by name and JSON-able information, to which the version is added, atomically.

    Refusal where it cannot be written.
    """
    text = json.dumps({"version": FORMAT_VERSION, **information})
    with complete_or_absent(path, REMEDY) as part:
        write_entries(part, {**arrays, INFORMATION: text})


def information_of(text: str) -> dict[str, Any]:
    """What a checkpoint says of itself. Refusal, without its name, for another kind of text or a
    version of the future."""
    try:
        information = json.loads(text)
    except (ValueError, RecursionError):
        information = None
    if not isinstance(information, dict):
        raise Refusal("does not say what made it, it was changed; use another copy")
    version = information.get("version", 0)
    if not isinstance(version, int) or version > FORMAT_VERSION:
        raise Refusal(
            f"is a checkpoint of version {version!r}, expected at most {FORMAT_VERSION}; use the "
            "newer program that made it"
        )
    return information
