"""What a member costs by how many are drawn at once: `python -m tests.bench.members`.

The demo's networks, untrained, and input of noise. Each batch in a process of its own, as a graph
keeps its memory to the end: so what a batch grows by is seen, beside what `row_bytes` computes.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path

ROOT = Path(__file__).parents[2]
NAMES, BATCHES, STEPS = ("prediff", "diffcast", "geodiff"), (1, 2, 4, 8), 4
MIB = 1 << 20


@dataclass(frozen=True)
class Row:
    """Of one model and batch: seconds and CPU seconds a member (of STEPS network calls, encoding
    and decoding), seconds of the first call, MiB that the process grew by, MiB computed for it."""

    model: str
    batch: int
    seconds: float
    cpu_seconds: float
    first_call: float
    grown_mib: float
    computed_mib: float


def rows(
    names: tuple[str, ...] = NAMES, batches: tuple[int, ...] = BATCHES, rounds: int = 2
) -> list[Row]:
    """The table, one process after the other."""
    made = []
    for name in names:
        for batch in batches:
            command = [sys.executable, "-m", "tests.bench.members", name, str(batch), str(rounds)]
            paths = (str(ROOT / "src"), str(ROOT), os.environ.get("PYTHONPATH", ""))
            variables = {**os.environ, "GLOG_v": "3", "PYTHONPATH": os.pathsep.join(paths)}
            done = subprocess.run(
                command, cwd=ROOT, env=variables, stdout=subprocess.PIPE, check=True, text=True
            )
            made.append(Row(**json.loads(done.stdout.splitlines()[-1])))
    return made


def measured(name: str, batch: int, rounds: int) -> Row:
    """One row, in this process; the fastest of some rounds."""
    import numpy as np

    from mindcast.config.schema import Runtime
    from mindcast.models import load_spec
    from mindcast.runtime import device
    from mindcast.settings import load_settings
    from tests.contract.models import sample

    settings = load_settings(f"configs/demo/{name}.yaml")
    spec, model = load_spec(name), settings.model
    device.start("CPU", 0, Runtime())
    networks = {stage: spec.stages[stage].build_network(model) for stage in spec.stages}
    sampling = settings.sampling.model_copy(
        update={"batch_size": batch, "members": batch, "steps": STEPS}
    )
    forecaster = spec.build_forecaster(model, networks, sampling, 0, True)
    method = next(m for m in forecaster.methods if m not in forecaster.deterministic)
    window = replace(spec.window(model), frame=model.frame_size)
    given = sample(window, 1, np.random.default_rng(0))
    before = _resident()
    times = []
    for number in range(1 + rounds):
        begun = time.perf_counter(), time.process_time()
        forecaster.forecast(method, replace(given.input), [0], batch, given.truth, first=number)
        times.append((time.perf_counter() - begun[0], time.process_time() - begun[1]))
    seconds, spent = (min(column) / batch for column in zip(*times[1:], strict=True))
    computed = batch * spec.row_bytes(model, model.frame_size, "CPU") / MIB
    grown = (_resident() - before) / MIB
    return Row(name, batch, seconds, spent, times[0][0], grown, computed)


def _resident() -> int:
    pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def main() -> None:
    titles = ("s/member", "CPU s/member", "first call s", "MiB grown", "MiB computed")
    print(f"{'model':10s} {'batch':>5s} " + " ".join(f"{title:>12s}" for title in titles))
    for name in NAMES:
        for row in rows((name,)):
            costs = (row.seconds, row.cpu_seconds, row.first_call)
            sizes = (row.grown_mib, row.computed_mib)
            columns = [f"{value:12.3f}" for value in costs] + [f"{size:12.0f}" for size in sizes]
            print(f"{name:10s} {row.batch:5d} " + " ".join(columns), flush=True)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(asdict(measured(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))))
    else:
        main()
