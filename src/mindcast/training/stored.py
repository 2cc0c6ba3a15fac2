"""Checkpoints of this program as files, without MindSpore: arrays, and what made them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from mindcast.files import complete_or_absent
from mindcast.refusal import Refusal
from mindcast.weights.mindspore_file import read_mindspore, read_text, write_entries

REMEDY = "free some space or choose another --out; earlier checkpoints are untouched"
INFORMATION = "mindcast"  # the entry that holds the JSON text
STATE_ONLY = "pending"  # a key of the information of a state
CONVERTED = "converted"  # a key of that of weights that were trained by another program
FORMAT_VERSION = 1  # of the information and of the arrays' names; 0: before it was written down


def read(path: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Arrays by name and the information of a checkpoint; Refusal if missing or damaged."""
    with _read(path):
        entries = read_mindspore(path)
    text = entries.pop(INFORMATION, None)
    arrays = {name: array for name, array in entries.items() if isinstance(array, np.ndarray)}
    return arrays, _information(path, text)


def read_information(path: Path) -> dict[str, Any]:
    """The information alone, at once whatever the size; Refusal if missing or cut short."""
    with _read(path):
        text = read_text(path, INFORMATION)
    return _information(path, text)


def require_network(path: Path, information: Mapping[str, Any], model: str, stage: str) -> None:
    """Refusal unless a checkpoint is of a network of that stage of that model."""
    require_stage(path, information, model, stage)
    if STATE_ONLY in information:
        raise Refusal(
            f"{path}: holds the state of a training, expected a network; give {stage}_best.ckpt or "
            f"{stage}_last.ckpt"
        )


def require_stage(path: Path, information: Mapping[str, Any], model: str, stage: str) -> None:
    """Refusal unless a checkpoint is of that stage of that model."""
    found = " ".join(f"{information.get('model')}/{information.get('stage')}".split())
    if found != f"{model}/{stage}":
        raise Refusal(f"{path}: holds {found}, expected {model}/{stage}; fix ckpt_path")


def write(path: Path, arrays: Mapping[str, np.ndarray], information: Mapping[str, Any]) -> None:
    """Arrays by name and JSON-able information, to which the version is added, atomically.

    Refusal where it cannot be written.
    """
    text = json.dumps({"version": FORMAT_VERSION, **information})
    with complete_or_absent(path, REMEDY) as part:
        write_entries(part, {**arrays, INFORMATION: text})


@contextmanager
def _read(path: Path) -> Iterator[None]:
    """What goes wrong while a checkpoint is read becomes a Refusal."""
    if not path.is_file():
        raise Refusal(f"{path}: no such checkpoint; train the stage first or fix ckpt_path")
    try:
        yield
    except OSError as error:
        raise Refusal(f"{path}: cannot be read ({error.strerror}); use another copy") from None
    except ValueError as error:
        raise Refusal(
            f"{path}: not a whole checkpoint ({error}); it may be truncated, use another copy"
        ) from None


def _information(path: Path, text: object) -> dict[str, Any]:
    if not isinstance(text, str):
        raise Refusal(
            f"{path}: not a checkpoint of this program (no {INFORMATION!r} entry); weights from "
            "elsewhere become one by --mode convert"
        )
    try:
        return information_of(text)
    except Refusal as refusal:
        raise Refusal(f"{path}: {refusal}") from None


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
