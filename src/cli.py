"""The command line: options in, one command run, an exit code out. Imports no MindSpore."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import NoReturn

from src.refusal import EXIT_CODE, Refusal

# mode -> module with `run(request)`; a new mode is one file in src/commands and one line here
MODES = {
    "train": "src.commands.train",
    "test": "src.commands.test",
    "prepare": "src.commands.prepare",
}
DEFAULT_CFG = "./configs/diffusion_cfg.yaml"
DEVICES = ("Ascend", "GPU", "CPU")
INTERRUPTED = 130


@dataclass(frozen=True)
class Request:
    """The command line, parsed; `cfg` is None where the user gave none."""

    cfg: Path | None
    mode: str
    stage: str
    device_target: str
    device_id: int
    out: Path | None
    resume: bool
    overrides: tuple[str, ...]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line; a refusal becomes one line on standard error and exit code 2."""
    try:
        request = parse(arguments)
        run: Callable[[Request], None] = import_module(MODES[request.mode]).run
        run(request)
    except Refusal as refusal:
        print(f"mindcast: {refusal}", file=sys.stderr)
        return EXIT_CODE
    except KeyboardInterrupt as interrupt:
        print(f"mindcast: interrupted. {interrupt}", file=sys.stderr)
        return INTERRUPTED
    return 0


def parse(arguments: Sequence[str] | None = None) -> Request:
    """The options as a `Request`; Refusal for an option that is unknown or has a wrong value."""
    given = _parser().parse_args(arguments)
    overrides = list(given.overrides)
    if given.seed is not None:
        overrides.append(f"runtime.seed={given.seed}")
    return Request(
        cfg=Path(given.cfg) if given.cfg else None,
        mode=given.mode,
        stage=given.stage,
        device_target=given.device_target,
        device_id=given.device_id,
        out=Path(given.out) if given.out else None,
        resume=given.resume,
        overrides=tuple(overrides),
    )


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise Refusal(f"{message}; see main.py --help")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="main.py",
        description="Train, score and compare weather diffusion models.",
        epilog="Settings live in YAML files under configs/; any key can be given with --set.",
    )
    add = parser.add_argument
    add("--cfg", metavar="FILE", help=f"settings file (default: {DEFAULT_CFG}; with an existing "
        "--out: the run's own config.yaml)")  # fmt: skip
    add("--mode", choices=tuple(MODES), default="train", help="what to do (default: train)")
    add("--stage", default="all", help=f"training stage, or all (default: all); {_stages()}")
    add("--device_target", choices=DEVICES, default="Ascend", help="default: Ascend; if it is "
        "absent the next of Ascend, GPU, CPU is used and a warning says so")  # fmt: skip
    add("--device_id", type=int, default=0, metavar="N", help="which card (default: 0)")
    add("--out", metavar="DIR", help="run folder (default: runs/<time>-<model>)")
    add("--resume", action="store_true", help="continue the run in --out")
    add("--seed", type=int, metavar="N", help="short for --set runtime.seed=N")
    add("--set", action="append", default=[], dest="overrides", metavar="KEY.PATH=VALUE",
        help="change one setting; may be repeated")  # fmt: skip
    return parser


def _stages() -> str:
    from src.models import MODELS, load_spec

    return "; ".join(f"{name}: {', '.join(load_spec(name).stages)}" for name in MODELS)
