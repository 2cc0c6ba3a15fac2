"""What a member costs in ensembles of different size, by the demos' configurations."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.bench.demos import Demo
from tests.bench.exponent import fitted
from tests.bench.processes import Ended, worker
from tests.bench.table import Table

STAGES = {
    "prediff": ("vae", "diffusion"),
    "diffcast": ("joint",),
    "geodiff": ("deterministic", "diffusion"),
}
MEMBERS = (1, 2, 4)
STEPS = 5
BATCH = 4  # members at once, a number: what fits into memory would differ from machine to machine
TITLES = ("ensemble", "batch", "exponent", *(f"s of {m}" for m in MEMBERS), "s/member")


def measured(limit: float, names: list[str]) -> list[dict[str, Any]]:
    """Printed rows: seconds of forecasts that follow one of the same size."""
    table, rows = Table(TITLES, first=12), []
    with tempfile.TemporaryDirectory(prefix="mindcast-bench-") as folder:
        for name in names:
            asked = Demo(name, Path(folder)).asked
            sampling = (f"sampling.steps={STEPS}", f"sampling.batch_size={BATCH}")
            changes = [*asked["changes"], *sampling]
            row = {"model": name, **_seconds({**asked, "changes": changes}, name, limit)}
            rows.append(row)
            _print(table, row)
    return rows


def _seconds(asked: Mapping[str, Any], name: str, limit: float) -> dict[str, Any]:
    seconds = []
    try:
        with worker("ensemble", limit=limit) as one:
            opened = one.ask("prepare", **asked, stages=STAGES[name])
            for members in MEMBERS:
                one.ask("forecast", members=members)  # compiles
                seconds.append(one.ask("forecast", members=members)["seconds"])
    except Ended as end:
        return {"problem": str(end)}
    return {
        "batch": opened["batch"],
        "steps": opened["steps"],
        "members": list(MEMBERS),
        "seconds": seconds,
        "exponent": fitted(MEMBERS, seconds),
        "problem": "",
    }


def _print(table: Table, row: dict[str, Any]) -> None:
    if row["problem"]:
        print(f"{row['model']}: {row['problem']}", flush=True)
        return
    last = row["seconds"][-1] / MEMBERS[-1]
    table.row(row["model"], row["batch"], row["exponent"], *row["seconds"], last)
