"""log.jsonl: one record a line, each step of a stage once, whatever stopped the run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mindcast.files import write_text
from mindcast.refusal import Refusal

REMEDY = "free some space and continue with --resume"


def append(path: Path, record: Mapping[str, Any]) -> None:
    """Add one JSON line; Refusal where it cannot be written."""
    try:
        with open(path, "a", encoding="utf-8") as log:
            log.write(json.dumps(record) + "\n")
    except OSError as error:
        raise Refusal(f"{path}: cannot be written ({error.strerror}); {REMEDY}") from None


def forget_after(path: Path, stage: str, step: int) -> None:
    """Take out the records of a stage after a step, and what a killed writer left of a line."""
    if not path.is_file():
        return
    text = path.read_text(encoding="utf-8", errors="replace")
    kept = "".join(f"{line}\n" for line in text.split("\n") if _stays(line, stage, step))
    if kept != text:
        write_text(path, kept, REMEDY)


def _stays(line: str, stage: str, step: int) -> bool:
    try:
        record = json.loads(line)
        return record["stage"] != stage or record["step"] <= step
    except (ValueError, LookupError, TypeError):
        return False
