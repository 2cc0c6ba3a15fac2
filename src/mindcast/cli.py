"""The command line: options in, one command run, an exit code out. Imports no MindSpore."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path

from mindcast.commands import MODES
from mindcast.commands.request import Request, read_settings, run_path
from mindcast.options import parse
from mindcast.runtime.interrupts import explained
from mindcast.runtime.launch import launch
from mindcast.runtime.leaving import guarded
from mindcast.runtime.run_folder import CONFIG


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line and give its exit code, see `runtime.leaving.guarded`."""
    return guarded(lambda: _run(sys.argv[1:] if arguments is None else arguments))


def _run(arguments: Sequence[str]) -> int:
    request = parse(arguments)
    with explained(lambda: _what_stands(request)):
        if request.cluster.size > 1:
            return launch(request.cluster, _command_of_one(request, arguments))
        run: Callable[[Request], None] = import_module(MODES[request.mode]).run
        run(request)
    return 0


def _what_stands(request: Request) -> str:
    """For a user who has interrupted the work and wants to go on."""
    if request.mode == "train" and request.out is None:
        return "What was saved stands; continue with --out and --resume"
    if request.mode == "train" and request.out and (request.out / CONFIG).is_file():
        return f"What was saved stands; continue with --out {request.out} --resume"
    return "What was finished stands; give the command again"


def _command_of_one(request: Request, arguments: Sequence[str]) -> list[str]:
    """The command line of one of several processes; the settings are checked before any starts."""
    # the last value of an option counts. One folder for all: its default name holds the time
    out = ["--out", str(run_path(request, read_settings(request)))]
    alone = ["--nodes", "1", "--devices", "1", "--nr", "0"]
    module = Path(sys.argv[0]).name == "__main__.py"  # of `python -m mindcast`
    program = ["-m", "mindcast"] if module else [sys.argv[0]]
    return [sys.executable, *program, *arguments, *alone, *out]
