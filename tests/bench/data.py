"""Data beside the steps that wait for them, and the memory of a reader of gigabytes."""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tests.bench.archive import large_archive
from tests.bench.demos import Demo
from tests.bench.processes import Ended, worker
from tests.bench.table import Table

TITLES = ("data of a batch", "batch", "read ms", "augment", "motion", "step ms", "share %")
MEMORY_TITLES = ("reader of an archive", "windows", "s", "resident MB", "peak MB")
ORDERS = ("read", "augment", "move", "learn")
SHARES = (0.1, 0.5, 1.0)
WARM_UP, ROUNDS = 2, 3
STAGES = (
    ("prediff", "vae"),
    ("prediff", "diffusion"),
    ("diffcast", "joint"),
    ("geodiff", "diffusion"),
)


def measured_stages(limit: float) -> list[dict[str, Any]]:
    """Printed rows of the demos' stages: the median seconds of each part of a micro-batch."""
    table, rows = Table(TITLES), []
    with tempfile.TemporaryDirectory(prefix="mindcast-bench-") as folder:
        for model, stage in STAGES:
            asked = {**Demo(model, Path(folder)).asked, "stage": stage}
            row = {"stage": f"{model} {stage}", **_stage(asked, limit)}
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


def measured_reader(gigabytes: float, limit: float) -> dict[str, Any]:
    """Printed rows of the memory of a process that reads an archive of that size once."""
    table, found = Table(MEMORY_TITLES), {"archive_gb": gigabytes, "rows": [], "problem": ""}
    with large_archive(gigabytes) as root:
        try:
            for row in _reading(str(root), limit):
                found["rows"].append(row)
                sizes = (row["resident"] / 1e6, row["peak"] / 1e6)
                name = f"{gigabytes:g} GB, {row['share']:.0%} read"
                table.row(name, row["windows"], row["seconds"], *sizes)
        except Ended as end:
            found["problem"] = str(end)
            print(f"reader: {end}", flush=True)
    return found


def _reading(root: str, limit: float) -> Iterator[dict[str, Any]]:
    """After opening, and after each share of the windows; `seconds` are since the row before."""
    with worker("reading", limit=limit) as one:
        yield {"share": 0.0, **one.ask("prepare", root=root), "windows": 0}
        for share in SHARES:
            yield {"share": share, **one.ask("read_until", share=share)}
