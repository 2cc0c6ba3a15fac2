"""A process that is told what to do line by line: JSON in, JSON out.

`python -m tests.bench.worker SIDE [GRAPHS]`. What it can do are the methods of an object that the
side's module makes. A process holds one network or one reader, so that its resident memory is that
of the case. Nothing is imported here that the environment of PyTorch lacks.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

SIDES = {
    "mindspore": "tests.bench.sides.mindspore_side",
    "torch": "tests.bench.sides.torch_side",
    "torch-cl": "tests.bench.sides.torch_channels_last_side",
    "stage": "tests.bench.sides.stage_side",
    "reading": "tests.bench.sides.reading_side",
    "ensemble": "tests.bench.sides.ensemble_side",
    "run": "tests.bench.sides.run_side",
}
ON_MINDSPORE = ("mindspore", "stage", "ensemble", "run")
KIB = 1024


def timed(function: Callable[..., dict[str, Any]], **given: Any) -> dict[str, Any]:
    """What it gives, with the wall and CPU seconds it took and the memory of the process now."""
    cpu, begun = time.process_time(), time.perf_counter()
    answer = function(**given)
    spent = {
        "seconds": time.perf_counter() - begun,
        "cpu_seconds": time.process_time() - cpu,  # of all threads
    }
    return {**answer, **spent, **memory("self")}


def memory(process: int | str) -> dict[str, int]:
    """Bytes of main memory that a process holds now ("resident") and held at most ("peak")."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    sizes = {line.split(":")[0]: line.split()[1] for line in lines if line.startswith("Vm")}
    return {"resident": KIB * int(sizes["VmRSS"]), "peak": KIB * int(sizes["VmHWM"])}


def main(name: str, graphs: str = "") -> None:
    """Answer orders until there are no more. graphs: a folder of compiled ones; "": none."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print goes with the errors
    if name in ON_MINDSPORE:
        _start_device(graphs)
    side = import_module(SIDES[name]).start()

    def answer(said: dict[str, Any]) -> None:
        answers.write(json.dumps(said) + "\n")
        answers.flush()

    answer({"version": side.version, **memory("self")})
    for line in sys.stdin:
        order = json.loads(line)
        answer(timed(getattr(side, order.pop("do")), **order))


def _start_device(graphs: str) -> None:
    """As commands do, before anything loads MindSpore."""
    from mindcast.config.schema import Runtime
    from mindcast.runtime.device import start

    start("CPU", 0, Runtime(compile_cache=graphs))


if __name__ == "__main__":
    main(*sys.argv[1:])
