"""Scores of a nowcast as a table for people and as files for machines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mindcast.evaluation import report
from mindcast.evaluation.nowcast.base import entry_name
from mindcast.evaluation.nowcast.spectrum import FINE
from mindcast.evaluation.report import Result, aligned, number

CSV_COLUMNS = ("method", "score", "threshold", "pool", "lead_minutes", "value", "at")


def table_text(result: Result) -> str:
    """Aligned text: one row a method, how often events are forecast, notes on what stood in."""
    texts = [aligned(cells) for cells in tables(result).values()]
    return "\n".join(["\n\n".join(texts), *notes(result)])


def tables(result: Result) -> dict[str, list[list[str]]]:
    """The cells of the printed tables by what they show, see `evaluation.report.aligned`."""
    return {
        "Scores by method": _cells(result, _columns(result)),
        "How often events are forecast, and ensembles": _cells(result, _frequency_columns(result)),
    }


def notes(result: Result) -> list[str]:
    """What the tables need to be understood, a paragraph each."""
    return [_note(result), *_stood_in(result)]


def write_report(folder: Path, result: Result, provenance: Mapping[str, Any]) -> None:
    """Write scores.json and scores.csv, see `evaluation.report.write_report`.

    In the CSV "at" is the side in pixels of the neighbourhood of "fss", the probability of
    "reliability_..." and "roc_...", the wavelength in pixels of "power" and "power_truth", the rank
    of "rank_share", and empty for all other scores.
    """
    report.write_report(folder, result, provenance, CSV_COLUMNS, _long_form(result))


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


def _frequency_columns(result: Result) -> list[_Column]:
    thresholds = result["thresholds"] if 1 in result["pools"] else ()
    return [
        *(_Column(f"bias-{t:g}", entry_name("frequency_bias", t), 2) for t in thresholds),
        _Column("spread/skill", "spread_skill", 2),
        _Column("Brier", "brier", 4),
        _Column("ROC area", "roc_area", 3),
        *(
            _Column(f"FSS {scale} px", entry_name("fss", scale=scale), 3)
            for scale in middle(result["scales"])
        ),
        _Column("fine power", "fine_power", 2),
    ]


def middle(values: Sequence[Any]) -> Sequence[Any]:
    """The middle one of several, as a sequence; that of none is empty."""
    half = len(values) // 2
    return values[half : half + 1]


def _cells(result: Result, columns: list[_Column]) -> list[list[str]]:
    table = [["method", "cases", *(column.header for column in columns)]]
    for name, row in result["rows"].items():
        values = [(row["scores"][column.entry]["overall"], column.digits) for column in columns]
        table.append(
            [name, str(row["cases"]), *(number(value, digits) for value, digits in values)]
        )
    return table


def _note(result: Result) -> str:
    minutes = result["lead_minutes"]
    thresholds = ", ".join(f"{threshold:g}" for threshold in result["thresholds"])
    values = f"{result.get('unit', '')} 0..{result['value_scale']:g}".strip()
    return (
        f"All {len(minutes)} lead times, +{minutes[0]} to +{minutes[-1]} min. Values: {values}; "
        f"MAE, MSE, CRPS in them. CSI, HSS, FAR, POD: counts of all cases and lead times together, "
        f"mean over the thresholds {thresholds}. CSI frame mean: whole values, each lead time for "
        "itself (0 where no event was), then the means; the order of Yu et al. 2024. CRPS: fair "
        "estimate over all members; of a single forecast it is the MAE. Bias: events forecast per "
        "event observed, by threshold; bias and spread/skill are best at 1. Of the probability to "
        "reach a threshold, means over the thresholds: Brier score, best 0; ROC area, 0.5 where "
        "events are not told from others, best 1; FSS, its shares in squares of so many pixels, "
        f"best 1. Fine power: share of the truth's power in waves below {FINE} pixels, best 1."
    )


def _stood_in(result: Result) -> Iterator[str]:
    """A line for every baseline that could not be made everywhere, and what stands in its row."""
    for method, notes in result["instead"].items():
        cases = next(r["cases"] for r in result["rows"].values() if r["method"] == method)
        for instead, reasons in notes.items():
            why = ", ".join(f"{reason} {count}" for reason, count in reasons.items())
            yield (
                f"{method}: {instead} instead, in {sum(reasons.values())} of {cases} cases ({why})."
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
                yield (*key, value, entry["scale"])
        yield from _spectra(name, row["spectrum"])
        yield from _of_ensemble(name, row, result["lead_minutes"])


def _spectra(name: str, spectrum: Any) -> Iterator[tuple[Any, ...]]:
    """Power of a row's fields and of the truth by wavelength, over all lead times."""
    for score, curve in (("power", "power"), ("power_truth", "truth")):
        values = spectrum[curve]["overall"]
        for wavelength, value in zip(spectrum["wavelength"], values, strict=True):
            yield name, score, None, None, "all", value, wavelength


def _of_ensemble(name: str, row: Any, minutes: Sequence[int]) -> Iterator[tuple[Any, ...]]:
    """Reliability, ROC curves and ranks of a row, if it is an ensemble."""
    for of in row["reliability"] or ():
        never = (None, *reversed(of["probability"]))  # from which probability on it is announced
        for score in ("false_alarm_rate", "hit_rate"):
            for probability, value in zip(never, of[score], strict=True):
                yield name, f"roc_{score}", of["threshold"], None, "all", value, probability
        for score in ("pixels", "observed"):
            for probability, value in zip(of["probability"], of[score], strict=True):
                key = (name, f"reliability_{score}", of["threshold"], None, "all")
                yield (*key, value, probability)
    if row["ranks"]:
        by_lead = (row["ranks"]["overall"], *row["ranks"]["per_lead"])
        for lead, shares in zip(("all", *minutes), by_lead, strict=True):
            for rank, share in enumerate(shares):
                yield name, "rank_share", None, None, lead, share, rank
