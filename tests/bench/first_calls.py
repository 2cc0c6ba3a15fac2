"""Time to the first step of a training and to the first forecast, with and without kept graphs.

Each is a command line in a process of its own, as a user starts it, by the demos' configurations:
first with an empty folder of compiled graphs (cold), then with what that left (warm).
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tests.bench.demos import DRAWING, Demo
from tests.bench.processes import ROOT, Ended, last_words, worker
from tests.bench.table import Table

MODELS = tuple(DRAWING)
STATES = ("cold", "warm")
TITLES = ("time to the first", "cold s", "CPU s", "graphs", "warm s", "CPU s", "graphs")
SHORT = (
    *("sampling.sampler=ddim", "sampling.steps=2", "sampling.members=1"),
    *("evaluation.max_samples=1", "evaluation.figures=0"),
)
LOOK_SECONDS = 0.02


def measured(limit: float, names: Sequence[str]) -> list[dict[str, Any]]:
    """Printed rows, one a model and command line: to the log of the first step of the stage that
    trains the denoiser, to the scores of one case, to the NetCDF of a file of one's own."""
    table, rows = Table(TITLES), []
    with tempfile.TemporaryDirectory(prefix="mindcast-bench-") as made:
        for name in names:
            for row in _of_model(name, Path(made), limit):
                rows.append(row)
                _print(table, row)
    return rows


def _of_model(name: str, made: Path, limit: float) -> Iterator[dict[str, Any]]:
    stage, folder = DRAWING[name], made / name
    folder.mkdir()
    asked = Demo(name, made).asked
    settings = (*SHORT, f"evaluation.methods=[{name}]", f"training.{stage}.log_every_steps=1")
    try:
        with worker("run", limit=limit) as one:
            changes = [*asked["changes"], *settings]
            ready = one.ask("prepare", config=asked["config"], changes=changes, folder=str(folder))
    except Ended as end:
        yield {"model": name, "problem": str(end)}
        return
    run = folder / "run"
    train = ["--stage", stage, "--cfg", f"{run / 'config.yaml'}", "--set", f"ckpt_path={run}"]
    yield _row(name, "step", folder, train)
    yield _row(name, "test", folder, ["--mode", "test", "--out", f"{run}"])
    yield _row(name, "predict", folder, ["--mode", "predict", "--out", f"{run}", *ready["predict"]])


def _row(name: str, what: str, folder: Path, command: Sequence[str]) -> dict[str, Any]:
    """The same command line twice; `graphs`: those that it compiled and kept."""
    row: dict[str, Any] = {"model": name, "to_first": what, "problem": ""}
    graphs = folder / f"graphs_{what}"
    for state in STATES:
        to = folder / f"{what}_{state}"
        place = {"step": ["--out", f"{to}"], "predict": ["--to", f"{to}"]}.get(what, [])
        cache = ["--set", f"runtime.compile_cache={graphs}"]
        before = _count(graphs)
        try:
            row[state] = _timed([*command, *place, *cache], to / "log.jsonl")
        except Ended as end:
            return row | {"problem": str(end)}
        row[state]["graphs"] = _count(graphs) - before
    return row


def _timed(command: Sequence[str], done: Path) -> dict[str, Any]:
    """Wall and CPU seconds until there is `done`, or to the end of a command that makes none."""
    program = [sys.executable, str(ROOT / "main.py"), "--device_target", "CPU", *command]
    cpu, begun = _cpu_of_children(), time.monotonic()
    with tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(program, stdout=subprocess.DEVNULL, stderr=errors)
        try:
            while process.poll() is None and not done.is_file():
                time.sleep(LOOK_SECONDS)
            seconds, code = time.monotonic() - begun, process.poll()
        finally:
            process.kill()
            process.wait()
        if code:
            raise Ended(last_words(code, errors))
    return {"seconds": seconds, "cpu_seconds": _cpu_of_children() - cpu}


def _cpu_of_children() -> float:
    """CPU seconds of the processes of this one that have ended, all their threads."""
    spent = os.times()
    return spent.children_user + spent.children_system


def _count(graphs: Path) -> int:
    return len(list(graphs.glob("*.graph")))


def _print(table: Table, row: dict[str, Any]) -> None:
    name = f"{row['model']} {row.get('to_first', '')}"
    if row["problem"]:
        print(f"{name}: {row['problem']}", flush=True)
        return
    keys = ("seconds", "cpu_seconds", "graphs")
    table.row(name, *(row[state][key] for state in STATES for key in keys))
