"""`python -m tests.bench`: what the networks cost on this machine; see docs/performance.md."""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from mindcast.files import write_text
from mindcast.refusal import EXIT_CODE, Refusal
from tests.bench import (
    data,
    first_calls,
    forecasts,
    growth,
    machine,
    members,
    networks,
    reader,
    sameness,
)
from tests.bench.machine import GIGA
from tests.bench.options import Wanted, wanted

INTERRUPTED = 128 + signal.SIGINT


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what the options ask for; 2 after a refusal."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # removes and ends
    begun, found = time.monotonic(), {}
    try:
        asked = wanted(arguments)
        for part in measured(asked):
            found |= part
            if asked.json is not None:  # as it comes: what is measured is not lost
                write(asked.json, found)
    except Refusal as refusal:
        print(f"bench: {refusal}", file=sys.stderr)
        return EXIT_CODE
    except KeyboardInterrupt:
        return INTERRUPTED
    print(f"\nall of this took {time.monotonic() - begun:.0f} s")
    return 0


def measured(asked: Wanted) -> Iterator[dict[str, Any]]:
    """Every part that is asked for, printed and by its name, and how long each took."""
    described = machine.described()
    _print_machine(described)
    yield {"machine": described}
    spent: dict[str, dict[str, float]] = {}
    for name in asked.all_parts:
        wall, cpu = time.monotonic(), _cpu_seconds()
        yield from _part(name, asked)
        spent[name] = {"seconds": time.monotonic() - wall, "cpu_seconds": _cpu_seconds() - cpu}
        took = "({}: {seconds:.0f} s, CPU {cpu_seconds:.0f} s)".format(name, **spent[name])
        print(took, flush=True)
        yield {"parts": spent}


def _part(name: str, asked: Wanted) -> Iterator[dict[str, Any]]:
    limit, wanted = asked.sides.limit, asked.parts.get(name, ())
    match name:
        case "networks":
            yield from _networks(asked)
        case "growth":
            yield {name: growth.measured(asked.sides, wanted)}
        case "members":
            yield {name: members.measured(limit, wanted)}
        case "first":
            yield {name: first_calls.measured(limit, wanted)}
        case "data":
            yield {name: data.measured(limit, wanted)}
        case "reader":
            yield {name: reader.measured(asked.archive_gb, limit)}


def _cpu_seconds() -> float:
    """Of this process and of those of it that have ended."""
    spent = os.times()
    return sum(spent[:4])


def _networks(asked: Wanted) -> Iterator[dict[str, Any]]:
    names = {case.network for case in asked.cases}
    for side, python in asked.sides.pythons.items():
        if side in sameness.SIDES and not asked.quick:
            yield {"sameness": sameness.measured(side, python, names)}
    rates = networks.measured_rates(asked.sides)
    for side, rate in rates.items():
        print(
            f"{side}: product {rate.product / GIGA:.0f} GFLOP/s, copy {rate.copy / GIGA:.1f} GB/s"
        )
    yield {"rates": {side: vars(rate) for side, rate in rates.items()}}
    found: list[networks.Row] = []
    with tempfile.TemporaryDirectory() as graphs:
        sides = replace(asked.sides, graphs=graphs) if asked.kept else asked.sides
        for rows in networks.measured(asked.cases, sides, rates, asked.rounds):
            found += rows
            yield {"networks": found, "kept": asked.kept}
    yield {"forecasts": forecasts.estimated(found)}


def _print_machine(found: dict[str, Any]) -> None:
    built = "public operators, no kernels"
    if found["kernels"]:
        built = f"kernels there after {found['kernels_seconds']:.1f} s"
    known = "{processor}, {cores} cores, {memory_gb:.0f} GB".format(**found)
    print(f"{known}; {built}", flush=True)


def write(path: Path, found: dict[str, Any]) -> None:
    """All figures as JSON, whole or not at all; NaN is null there."""
    write_text(path, json.dumps(_plain(found), indent=1, allow_nan=False) + "\n")


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(inner) for inner in value]
    return None if isinstance(value, float) and value != value else value


if __name__ == "__main__":
    sys.exit(main())
