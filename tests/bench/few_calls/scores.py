"""The scores that are compared, of the task's own report, and the file that they are kept in."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Mapping
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Any

from mindcast.refusal import Refusal
from tests.bench.few_calls.plans import Way

MEAN, MATCHED, FIRST = "ensemble mean", "probability-matched mean", "member 0"
# score: (field of the row, entries of the report, one of which a task has)
SOURCES = {
    "CSI": (MATCHED, ("csi",)),
    "CRPS": (MEAN, ("crps_physical", "crps")),
    "RMSE": (MEAN, ("mse_physical", "rmse")),
    "fine power": (FIRST, ("fine_power",)),
}
LARGER_IS_BETTER = {"CSI"}


KINDS: dict[str, Any] = {"int": int, "float": float, "str": str}


@dataclass(frozen=True)
class Line:
    """One score of one row. seed: of the members' noise. seconds, cpu_seconds: of drawing all."""

    model: str
    run: str
    split: str
    cases: int
    members: int
    setting: str
    sampler: str
    spacing: str
    calls: int
    seed: int
    score: str
    value: float
    seconds: float
    cpu_seconds: float

    @property
    def identity(self) -> tuple[object, ...]:
        """All that tells the rows apart: what stands before the score."""
        return astuple(self)[:10]

    @property
    def way(self) -> Way:
        """What was drawn."""
        return Way(self.sampler, self.spacing, self.calls, self.setting)


def found(result: Mapping[str, Any], method: str) -> Iterator[tuple[str, float]]:
    """Name and value of those scores that the report has, of one method."""
    rows = {row["field"]: row for row in result["rows"].values() if row["method"] == method}
    for name, (field, entries) in SOURCES.items():
        scores = rows.get(field, {}).get("scores", {})
        for entry in entries:
            if entry in scores:
                value = float(scores[entry]["overall"])
                yield name, math.sqrt(value) if entry.startswith("mse") else value
                break


def loss(score: str, value: float) -> float:
    """Smaller is better: of power the distance of its logarithm from that of the truth."""
    if score == "fine power":
        return abs(math.log(value)) if value > 0 else math.inf
    return -value if score in LARGER_IS_BETTER else value


def append(path: Path, lines: list[Line]) -> None:
    """Add to the file, with a header where it is new."""
    new = not path.exists()
    with path.open("a", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        if new:
            writer.writerow([field.name for field in fields(Line)])
        writer.writerows(
            [f"{v:.6g}" if isinstance(v, float) else v for v in astuple(line)] for line in lines
        )


def read(path: Path) -> list[Line]:
    """The lines of the file, none where there is none yet; Refusal for one of another kind."""
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        header, *rows = list(csv.reader(file)) or [[]]
    kinds = {field.name: KINDS[str(field.type)] for field in fields(Line)}
    if header != list(kinds):
        raise Refusal(f"{path}: is no file of this tool's scores; name another folder with --out")
    parse = kinds.values()
    return [Line(*(of(text) for of, text in zip(parse, row, strict=True))) for row in rows]
