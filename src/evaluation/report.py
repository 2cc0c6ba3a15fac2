"""Scores as a table for people and as files for machines."""

from __future__ import annotations

import csv
import io
import json
import math
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from src.evaluation.base import entry_name
from src.refusal import Refusal

Result = Mapping[str, Any]  # what `NowcastSuite.result` returns

CSV_COLUMNS = ("method", "score", "threshold", "pool", "lead_minutes", "value")


def table_text(result: Result) -> str:
    """Aligned text, one row a method, with a note on units."""
    header, *rows = _cells(result)
    widths = [max(len(row[i]) for row in (header, *rows)) for i in range(len(header))]
    lines = [_aligned(header, widths), "  ".join("-" * width for width in widths)]
    lines += [_aligned(row, widths) for row in rows]
    return "\n".join([*lines, _note(result)])


def table_markdown(result: Result) -> str:
    """The same as a Markdown table."""
    header, *rows = _cells(result)
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    return "\n".join([*(f"| {' | '.join(line)} |" for line in lines), "", _note(result), ""])


def write_report(folder: Path, result: Result, provenance: Mapping[str, Any]) -> None:
    """Write scores.json (everything, with `provenance`) and scores.csv (one value a line).

    provenance: what made the forecasts (data, split, sampler, steps, members, seed, checkpoint).
    The JSON is strict: NaN and infinity become null; in the CSV they are left empty. Both files
    appear complete or not at all. Refusal where they cannot be written.
    """
    document = _plain({"provenance": provenance, **result})
    text = json.dumps(document, indent=1, allow_nan=False, ensure_ascii=False)
    _write(folder / "scores.json", text + "\n")
    lines = io.StringIO()
    writer = csv.writer(lines, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    writer.writerows(_long_form(result))
    _write(folder / "scores.csv", lines.getvalue())


@dataclass(frozen=True)
class _Column:
    header: str
    entry: str
    digits: int


def _columns(result: Result) -> list[_Column]:
    columns = []
    for pool in result["pools"]:
        header = "CSI" if pool == 1 else f"CSI pool{pool}"
        columns.append(_Column(header, entry_name("csi", pool=pool), 3))
        if pool == 1:
            columns += [
                _Column(f"CSI-{threshold:g}", entry_name("csi", threshold), 3)
                for threshold in result["thresholds"]
            ]
    return [
        *columns,
        _Column("CSI frame mean", "csi_frame_mean", 3),
        *(_Column(name.upper(), name, 3) for name in ("hss", "far", "pod") if 1 in result["pools"]),
        _Column("MAE", "mae_physical", 2),
        _Column("MSE", "mse_physical", 1),
        _Column("SSIM", "ssim", 3),
        _Column("CRPS", "crps_physical", 2),
    ]


def _cells(result: Result) -> list[list[str]]:
    columns = _columns(result)
    table = [["method", "cases", *(column.header for column in columns)]]
    for name, row in result["rows"].items():
        values = [(row["scores"][column.entry]["overall"], column.digits) for column in columns]
        table.append(
            [name, str(row["cases"]), *(f"{value:.{digits}f}" for value, digits in values)]
        )
    return table


def _aligned(cells: list[str], widths: list[int]) -> str:
    first, *others = (
        cell.ljust(width) if i == 0 else cell.rjust(width)
        for i, (cell, width) in enumerate(zip(cells, widths, strict=True))
    )
    return "  ".join([first, *others])


def _note(result: Result) -> str:
    minutes = result["lead_minutes"]
    thresholds = ", ".join(f"{threshold:g}" for threshold in result["thresholds"])
    values = f"{result.get('unit', '')} 0..{result['value_scale']:g}".strip()
    return (
        f"All {len(minutes)} lead times, +{minutes[0]} to +{minutes[-1]} min. Values: {values}; "
        f"MAE, MSE, CRPS in them. CSI, HSS, FAR, POD: counts of all cases and lead times together, "
        f"mean over the thresholds {thresholds}. CSI frame mean: whole values, each lead time for "
        "itself (0 where no event was), then the means; the order of Yu et al. 2024. CRPS: fair "
        "estimate over all members; of a single forecast it is the MAE."
    )


def _long_form(result: Result) -> Iterator[tuple[Any, ...]]:
    for name, row in result["rows"].items():
        for entry in row["scores"].values():
            values = zip(
                ("all", *result["lead_minutes"]),
                (entry["overall"], *entry["per_lead"]),
                strict=True,
            )
            for lead, value in values:
                key = (name, entry["score"], entry["threshold"], entry["pool"], lead)
                yield (*key, value if math.isfinite(value) else None)


def _plain(value: Any) -> Any:
    """Only what strict JSON knows; TypeError later for anything that is none of these."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, (np.generic, np.ndarray)):
        return _plain(value.tolist())
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _write(path: Path, text: str) -> None:
    part = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_text(text, encoding="utf-8")
        os.replace(part, path)
    except OSError as error:
        raise Refusal(
            f"{path}: cannot be written ({error.strerror}); choose another --out"
        ) from None
    finally:
        if part.exists():
            part.unlink()
