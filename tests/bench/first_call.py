"""Times of the first step and the first forecast of the demo models, cold and with kept graphs.

`python -m tests.bench.first_call [model ...] [--json]`: each command line is a process of its own,
as a user starts it, on data made up: one training step of every stage, a test of one case with two
network calls; first with an empty folder of compiled graphs, then with what that left. CPU seconds
are those of the process, all its threads; they hardly depend on what else the machine does.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import yaml

from mindcast.data import open_split
from mindcast.models import MODELS, load_spec
from mindcast.settings import load_settings

ROOT = Path(__file__).parents[2]
MARK = "first call: "
MADE_UP = {
    "nowcast": {"name": "synthetic", "events": 12},
    "downscale": {"name": "synthetic_temperature", "states": 6, "crop_stride": 8},
}
SHORT = ("evaluation.max_samples=1", "evaluation.figures=0", "evaluation.baselines=[]")
FEW = ("sampling.sampler=ddim", "sampling.steps=2", "sampling.members=1")


@dataclass(frozen=True)
class FirstCall:
    """One command line, in seconds; of `compiling` the first evaluation is a part.

    graphs: how many it compiled or, `kept` of them, took from the folder.
    """

    model: str
    command: str
    graphs_before: str
    wall: float
    cpu: float
    compiling: float
    graphs: int
    kept: int


def measured(models: Sequence[str]) -> Iterator[FirstCall]:
    """Training, then testing, each cold and warm."""
    for model in models:
        with tempfile.TemporaryDirectory() as folder:
            yield from _of_model(model, Path(folder))


def _of_model(model: str, folder: Path) -> Iterator[FirstCall]:
    cfg, spec = _demo(model, folder), load_spec(model)
    settings = load_settings(cfg)
    common = [f"runtime.compile_cache={folder / 'graphs'}"]
    for name, stage in spec.stages.items():
        common += [f"training.{name}.{key}=1" for key in ("max_steps", "validation_batches")]
        for split in ("train", "val", "test"):  # made here: it is no part of what is timed
            open_split(settings.data, split, stage.window(settings.model))
    for state in ("cold", "warm"):
        train = ["--cfg", str(cfg), "--out", str(folder / state)]
        yield _timed(model, "train", state, train, common)
    for state in ("cold", "warm"):
        test = ["--mode", "test", "--out", str(folder / "cold")]
        yield _timed(model, "test", state, test, [*common, *SHORT, *FEW])


def _demo(model: str, folder: Path) -> Path:
    """The demo's settings on made-up data of its size, as a file."""
    settings = yaml.safe_load((ROOT / "configs" / "demo" / f"{model}.yaml").read_text())
    data = {**MADE_UP[load_spec(model).task], "root_dir": str(folder / "data")}
    if data["name"] == "synthetic":
        data["frame_size"] = settings["model"]["frame_size"]
    settings["data"] = data
    path = folder / "demo.yaml"
    path.write_text(yaml.safe_dump(settings))
    return path


def _timed(
    model: str, name: str, state: str, arguments: Sequence[str], settings: Sequence[str]
) -> FirstCall:
    command = [sys.executable, "-m", "tests.bench.first_call", "--within", *arguments]
    source = os.pathsep.join([str(ROOT / "src"), os.environ.get("PYTHONPATH", "")])
    command += ["--device_target", "CPU", *(word for s in settings for word in ("--set", s))]
    begun = time.monotonic()
    told = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": source},
        capture_output=True,
        text=True,
        check=False,
    )
    wall = time.monotonic() - begun
    found = [line for line in told.stdout.splitlines() if line.startswith(MARK)]
    if told.returncode or not found:
        raise SystemExit(f"{name} of {model} failed:\n{told.stderr[-2000:]}")
    return FirstCall(model, name, state, wall, **json.loads(found[-1].removeprefix(MARK)))


def _within(arguments: Sequence[str]) -> int:
    """The command line itself, and what it took, told as one line."""
    from mindcast.cli import main

    code = main(arguments)
    from mindcast.compiled import COMPILING  # it loads MindSpore, which start-up has quietened

    compiling = {"compiling": COMPILING.seconds, "graphs": COMPILING.graphs}
    print(MARK + json.dumps({"cpu": time.process_time(), **compiling, "kept": COMPILING.kept}))
    return code


def _main(arguments: Sequence[str]) -> int:
    if arguments[:1] == ["--within"]:
        return _within(arguments[1:])
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="*", default=list(MODELS), help="which; all by default")
    parser.add_argument("--json", action="store_true", help="one JSON record a line")
    asked = parser.parse_args(arguments)
    if not asked.json:
        print("model      command  graphs  wall s   CPU s  compiling s  graphs (kept)")
    for call in measured(asked.models):
        print(json.dumps(asdict(call)) if asked.json else _row(call), flush=True)
    return 0


def _row(call: FirstCall) -> str:
    return (
        f"{call.model:<10} {call.command:<8} {call.graphs_before:<6} {call.wall:7.1f} "
        f"{call.cpu:7.1f} {call.compiling:12.1f}  {call.graphs} ({call.kept})"
    )


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1:]))
