"""Scores of a downscaling as tables for people and as files for machines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mindcast.evaluation import report
from mindcast.evaluation.report import Result, aligned, number

CSV_COLUMNS = ("method", "score", "unit", "level_hpa", "at", "value")
# header, score, digits
COLUMNS = (
    ("RMSE", "rmse", 3),
    ("skill", "skill", 3),
    ("bias", "bias", 3),
    ("MAE", "mae", 3),
    ("CRPS", "crps", 3),
    ("spread/skill", "spread_skill", 2),
    ("gradient", "gradient_mae", 3),
    ("unstable %", "unstable_share", 2),
    ("thickness m", "thickness_rmse", 2),
    ("block mean", "block_mean_rmse", 3),
    ("fine power", "fine_power", 2),
)
PERCENT = ("unstable_share",)


def table_text(result: Result) -> str:
    """Aligned text: one row a method, then RMSE by level, then a note on what is what."""
    texts = [aligned(cells) for cells in tables(result).values()]
    return "\n".join(["\n\n".join(texts), *notes(result)])


def tables(result: Result) -> dict[str, list[list[str]]]:
    """The cells of the printed tables by what they show, see `evaluation.report.aligned`."""
    return {"Scores by method": _overall(result), "RMSE by level": _by_level(result)}


def notes(result: Result) -> list[str]:
    """What the tables need to be understood, a paragraph each."""
    return [_note(result)]


def write_report(folder: Path, result: Result, provenance: Mapping[str, Any]) -> None:
    """Write scores.json and scores.csv, see `evaluation.report.write_report`.

    In the CSV "level_hpa" is a level ("850"), a layer ("925-850") or "all"; "at" is the wavenumber
    of "power", "power_truth" and "power_ratio", the rank of "rank_share".
    """
    report.write_report(folder, result, provenance, CSV_COLUMNS, _long_form(result))


def _overall(result: Result) -> list[list[str]]:
    table = [["method", "cases", *(header for header, _, _ in COLUMNS)]]
    for name, row in result["rows"].items():
        values = [
            number(row["scores"][score]["overall"], digits, 100 if score in PERCENT else 1)
            for _, score, digits in COLUMNS
        ]
        table.append([name, str(row["cases"]), *values])
    return table


def _by_level(result: Result) -> list[list[str]]:
    table = [["RMSE (K) by level", *(f"{level} hPa" for level in result["axes"]["level"])]]
    for name, row in result["rows"].items():
        table.append([name, *(number(value, 3) for value in row["scores"]["rmse"]["values"])])
    return table


def _note(result: Result) -> str:
    truth = [row["scores"]["unstable_share_truth"]["overall"] for row in result["rows"].values()]
    share = f" ({number(truth[0], 2, 100)} in the truth)" if truth else ""
    return (
        f"All {len(result['levels_hpa'])} levels, points above ground (fine power: all points). "
        "RMSE, bias, MAE, CRPS, gradient (of the error, per grid step), block mean (against the "
        "coarse field): K. Skill: "
        f"1 - RMSE / RMSE of {result['reference']}. CRPS: fair estimate over all members; of a "
        "single field it is the MAE. Spread/skill: 1 is reliable. Unstable: pairs of levels whose "
        f"potential temperature falls upwards{share}. Fine power: share of the truth's power "
        "beyond what the coarse grid can hold."
    )


def _long_form(result: Result) -> Iterator[tuple[Any, ...]]:
    levels = result["axes"]["level"]
    for name, row in result["rows"].items():
        for entry in row["scores"].values():
            key = (name, entry["score"], entry["unit"])
            yield (*key, "all", None, entry["overall"])
            axis = result["axes"][entry["axis"]]
            for level, value in zip(axis, entry["values"], strict=True):
                yield (*key, level, None, value)
        spectrum = row["spectrum"]
        for score, unit, curve in (
            ("power", "K2", "power"),
            ("power_truth", "K2", "truth"),
            ("power_ratio", "1", "ratio"),
        ):
            for level, values in zip(levels, spectrum[curve], strict=True):
                for wavenumber, value in zip(spectrum["wavenumber"], values, strict=True):
                    yield name, score, unit, level, wavenumber, value
        for level, shares in zip(levels, row["ranks"] or (), strict=bool(row["ranks"])):
            for rank, share in enumerate(shares):
                yield name, "rank_share", "1", level, rank, share
