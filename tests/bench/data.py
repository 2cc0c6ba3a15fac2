"""Data beside the steps that wait for them."""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.bench.demos import Demo
from tests.bench.processes import Ended, worker
from tests.bench.table import Table

TITLES = ("data of a batch", "batch", "read ms", "augment", "motion", "step ms", "share %")
ORDERS = ("read", "augment", "move", "learn")
WARM_UP, ROUNDS = 1, 3
STAGES = ("prediff vae", "prediff diffusion", "diffcast joint", "geodiff diffusion")


def measured(limit: float, stages: Sequence[str]) -> list[dict[str, Any]]:
    """Printed rows of stages of the demos: the median seconds of each part of a micro-batch."""
    table, rows = Table(TITLES), []
    with tempfile.TemporaryDirectory(prefix="mindcast-bench-") as folder:
        for name in stages:
            model, stage = name.split()
            asked = {**Demo(model, Path(folder)).asked, "stage": stage}
            row = {"stage": name, **_stage(asked, limit)}
            rows.append(row)
            _print(table, row)
    return rows


def _stage(asked: Mapping[str, Any], limit: float) -> dict[str, Any]:
    spent: dict[str, list[float]] = {order: [] for order in ORDERS}
    try:
        with worker("stage", limit=limit) as one:
            size = one.ask("prepare", **asked)["batch"]
            for _ in range(WARM_UP + ROUNDS):
                for order in ORDERS:
                    spent[order].append(one.ask(order)["seconds"])
    except Ended as end:
        return {"problem": str(end)}
    seconds = {order: statistics.median(times[WARM_UP:]) for order, times in spent.items()}
    data = sum(seconds[order] for order in ORDERS[:-1])
    return {"batch": size, "seconds": seconds, "share": data / seconds["learn"], "problem": ""}


def _print(table: Table, row: dict[str, Any]) -> None:
    if row["problem"]:
        print(f"{row['stage']}: {row['problem']}", flush=True)
        return
    times = [1e3 * row["seconds"][order] for order in ORDERS]
    table.row(row["stage"], row["batch"], *times, 100 * row["share"])
