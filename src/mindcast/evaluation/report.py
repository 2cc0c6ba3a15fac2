"""What every report is made of: tables of text, strict JSON and CSV."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mindcast.files import write_text

Result = Mapping[str, Any]  # what `result` of a suite returns


def aligned(table: Sequence[Sequence[str]]) -> str:
    """Rows of equally many cells as lines; the first row is the header, the first column left."""
    widths = [max(len(row[i]) for row in table) for i in range(len(table[0]))]
    header, *rows = (_aligned_row(row, widths) for row in table)
    return "\n".join([header, "  ".join("-" * width for width in widths), *rows])


def number(value: float | None, digits: int, factor: float = 1) -> str:
    """A cell of a table; NaN, or None for it in a file, is "-"."""
    return "-" if value is None or value != value else f"{factor * value:.{digits}f}"


def write_report(
    folder: Path,
    result: Result,
    provenance: Mapping[str, Any],
    columns: Sequence[str],
    lines: Iterable[Sequence[Any]],
) -> None:
    """Write scores.json (everything, with `provenance`) and scores.csv (one value a line).

    provenance: what made the forecasts (data, split, sampler, steps, members, seed, checkpoint).
    columns, lines: of the CSV. The JSON is strict: NaN and infinity become null; in the CSV they
    are left empty. Both files appear complete or not at all. Refusal where they cannot be written.
    """
    _write_json(folder / "scores.json", {"provenance": provenance, **result})
    _write_csv(folder / "scores.csv", columns, lines)


def _write_json(path: Path, document: Mapping[str, Any]) -> None:
    """Strict JSON: NaN and infinity become null, paths text, arrays lists."""
    write_text(path, _lines(plain(document)) + "\n")


def _lines(value: Any, indent: int = 0) -> str:
    """JSON with a line for each key, but lists of numbers and text on one: half as large."""
    if isinstance(value, dict) and value:
        inner = [f"{_json(key)}: {_lines(item, indent + 1)}" for key, item in value.items()]
        return _block("{}", inner, indent)
    if isinstance(value, list) and any(isinstance(item, dict | list) for item in value):
        return _block("[]", [_lines(item, indent + 1) for item in value], indent)
    return _json(value)


def _block(brackets: str, inner: Iterable[str], indent: int) -> str:
    begin, end = "\n" + " " * (indent + 1), "\n" + " " * indent
    return brackets[0] + begin + ("," + begin).join(inner) + end + brackets[1]


def _json(value: Any) -> str:
    return json.dumps(value, allow_nan=False, ensure_ascii=False)


def _write_csv(path: Path, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """A header and the rows; None, NaN and infinity are left empty."""
    lines = io.StringIO()
    writer = csv.writer(lines, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([plain(value) for value in row] for row in rows)
    write_text(path, lines.getvalue())


def plain(value: Any) -> Any:
    """Only what strict JSON knows; `json` raises TypeError for anything that is none of these."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, (np.generic, np.ndarray)):
        return plain(value.tolist())
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _aligned_row(cells: Sequence[str], widths: Sequence[int]) -> str:
    first, *others = (
        cell.ljust(width) if i == 0 else cell.rjust(width)
        for i, (cell, width) in enumerate(zip(cells, widths, strict=True))
    )
    return "  ".join([first, *others])
