"""What a checkpoint of this program holds, read without MindSpore: arrays, and what made them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from mindcast.refusal import Refusal
from mindcast.weights.mindspore_file import read_mindspore

INFORMATION = "mindcast"  # the entry that holds the JSON text
STATE_ONLY = "pending"  # a key of the information of a state


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
        raise Refusal(f"{path}: not a checkpoint of this program (no {INFORMATION!r} entry)")
    arrays = {name: array for name, array in entries.items() if isinstance(array, np.ndarray)}
    return arrays, _information(path, text)


def _information(path: Path, text: str) -> dict[str, Any]:
    try:
        information = json.loads(text)
    except (ValueError, RecursionError):
        information = None
    if not isinstance(information, dict):
        raise Refusal(f"{path}: does not say what made it, it was changed; use another copy")
    return information
