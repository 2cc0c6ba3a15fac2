"""What a member costs by how many are drawn at once, by the demos' configurations.

Each batch has a process of its own, as a graph keeps its memory to the end: so what a batch grows
by is seen, beside what is computed to choose one.
"""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.bench.demos import DRAWING, Demo
from tests.bench.exponent import fitted
from tests.bench.processes import Ended, worker
from tests.bench.table import Table

MODELS = tuple(DRAWING)
BATCHES = (1, 4)
STEPS, ROUNDS = 4, 2
TITLES = ("members at once", "first s", "s", "s/member", "CPU s/m.", "MB grown", "computed")
MB = 1e6


def measured(limit: float, names: Sequence[str]) -> list[dict[str, Any]]:
    """Printed rows, one a model: forecasts of 1 and 4 members, each drawn in one batch.

    The exponent is that of the seconds of a forecast over its members.
    """
    table, rows = Table(TITLES), []
    with tempfile.TemporaryDirectory(prefix="mindcast-bench-") as folder:
        for name in names:
            asked, batches = Demo(name, Path(folder)).asked, []
            for members in BATCHES:
                batches.append(_batch(asked, members, limit))
                _print(table, name, batches[-1])
            seconds = [batch.get("seconds", float("nan")) for batch in batches]
            rows.append({"model": name, "exponent": fitted(BATCHES, seconds), "batches": batches})
            table.row(f"{name}, exponent", None, rows[-1]["exponent"])
    return rows


def _batch(asked: Mapping[str, Any], members: int, limit: float) -> dict[str, Any]:
    sampling = (f"sampling.steps={STEPS}", f"sampling.batch_size={members}")
    asked = {**asked, "changes": [*asked["changes"], *sampling]}
    try:
        with worker("ensemble", limit=limit) as one:
            opened = one.ask("prepare", **asked)
            first, *later = (one.ask("forecast", members=members) for _ in range(1 + ROUNDS))
    except Ended as end:
        return {"members": members, "problem": str(end)}
    medians = {
        key: statistics.median(answer[key] for answer in later)
        for key in ("seconds", "cpu_seconds")
    }
    return {
        "members": members,
        "first_seconds": first["seconds"],
        **medians,
        "grown_bytes": later[-1]["resident"] - opened["resident"],
        "computed_bytes": opened["computed"],
        "problem": "",
    }


def _print(table: Table, name: str, batch: Mapping[str, Any]) -> None:
    members = batch["members"]
    if batch["problem"]:
        print(f"{name}, {members}: {batch['problem']}", flush=True)
        return
    table.row(
        f"{name}, {members}",
        batch["first_seconds"],
        batch["seconds"],
        batch["seconds"] / members,
        batch["cpu_seconds"] / members,
        batch["grown_bytes"] / MB,
        batch["computed_bytes"] / MB,
    )
