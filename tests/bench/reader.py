"""The memory of a process that reads an archive of gigabytes from its first window to its last."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.bench.archive import large_archive
from tests.bench.processes import Ended, worker
from tests.bench.table import Table

KINDS = ("archive",)
TITLES = ("reader of an archive", "windows", "s", "resident MB", "peak MB")
SHARES = (0.1, 0.5, 1.0)


def measured(gigabytes: float, limit: float) -> dict[str, Any]:
    """Printed rows of the memory of a process that reads an archive of that size once."""
    table, found = Table(TITLES), {"archive_gb": gigabytes, "rows": [], "problem": ""}
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
