"""The options of the command line, checked as far as no file is opened. Loads no MindSpore."""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from mindcast.commands import MODES
from mindcast.commands.request import DEFAULT_CFG, Request
from mindcast.models import MODELS, load_spec
from mindcast.refusal import Refusal
from mindcast.runtime.launch import Cluster

REPORTED = ("test", "predict", "verify")  # modes that end with a page if asked
# options that have no effect in other modes
ONLY_FOR = {
    "input": ("predict",),
    "at": ("predict",),
    "to": ("predict", "convert"),
    "forecast": ("verify",),
    "truth": ("verify",),
    "context": ("verify",),
    "source": ("convert",),
    "weights": ("convert",),
}
NAMES = {"source": "from"}  # of options that are called otherwise in Python
DEVICES = ("Ascend", "GPU", "CPU")
# options that are short for a setting
SHORT = {"seed": "runtime.seed", "members": "sampling.members", "steps": "sampling.steps"}
ALONE = ("prepare", "predict", "verify", "convert")  # modes of one process
MOST = {"nodes": 10_000, "devices": 256}  # more than any cluster: a slip of the hand
MOST_CARDS = 4096


def parse(arguments: Sequence[str] | None = None) -> Request:
    """The options as a `Request`; Refusal for an option that is unknown or has a wrong value."""
    given = _parser().parse_args(arguments)
    _check_texts(given)
    _check_processes(given)
    _check_mode(given)
    overrides = list(given.overrides)
    for name, key in SHORT.items():
        if getattr(given, name) is not None:
            overrides.append(f"{key}={getattr(given, name)}")
    return Request(
        cfg=_path(given.cfg),
        mode=given.mode,
        stage=given.stage,
        device_target=given.device_target,
        device_id=given.device_id,
        cluster=Cluster(given.nodes, given.devices, given.nr, given.master, given.device_id),
        out=_path(given.out),
        resume=given.resume,
        overrides=tuple(overrides),
        report=given.report,
        inputs=tuple(given.input or ()),
        forecasts=tuple(given.forecast or ()),
        truth=tuple(given.truth or ()),
        context=tuple(given.context or ()),
        to=_path(given.to),
        at=given.at,
        source=_path(given.source),
        weights=given.weights,
    )


def _path(text: str | None) -> Path | None:
    """A path of the command line, where `--out=~/runs` has been left as it is by the shell."""
    return None if text is None else Path(os.path.expanduser(text))


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise Refusal(f"{message}; see --help")


def _check_texts(given: argparse.Namespace) -> None:
    for name in ("cfg", "out", "stage", "to", "at", "source"):
        text = getattr(given, name)
        if text is not None and (not text.strip() or "\0" in text):
            option = NAMES.get(name, name)
            raise Refusal(f"--{option} {text!r}: is empty; give a name or leave the option out")
    for name in ("out", "to"):
        _check_folder(f"--{name}", getattr(given, name))
    if given.resume and given.out is None:
        raise Refusal("--resume: needs --out, the folder of the run to continue")
    if given.report and given.mode not in REPORTED:
        found = ", ".join(REPORTED)
        raise Refusal(f"--report: --mode {given.mode} has none to write; use it with {found}")


def _check_folder(option: str, name: str | None) -> None:
    """Refusal of a name that no folder can bear, or that reports could not hold as text."""
    try:
        (name or "").encode("utf-8")
        os.stat(_path(name) or ".")
    except (FileNotFoundError, NotADirectoryError):
        return
    except UnicodeEncodeError:
        raise Refusal(
            f"{option} {name!r}: is no text in this locale; choose another name, or another LC_ALL"
        ) from None
    except OSError as error:
        raise Refusal(f"{option} {name}: {error.strerror}; choose another folder") from None


def _check_mode(given: argparse.Namespace) -> None:
    """Refusal of options that would have no effect in the mode, and of those that it lacks."""
    for name, modes in ONLY_FOR.items():
        if getattr(given, name) is not None and given.mode not in modes:
            option, known = NAMES.get(name, name), " and ".join(modes)
            raise Refusal(f"--{option}: is for --mode {known}, not for --mode {given.mode}")
    if given.mode in CHECKS:
        CHECKS[given.mode](given)


def _check_predict(given: argparse.Namespace) -> None:
    if given.resume:
        raise Refusal("--resume: a prediction is made in one go; leave it out")
    if given.stage != "all":
        raise Refusal("--stage: a prediction takes all trained stages; leave it out")
    if not given.input:
        raise Refusal("--mode predict: needs --input, the files to begin with; see --help")


def _check_verify(given: argparse.Namespace) -> None:
    if given.resume or given.cfg is not None or given.stage != "all":
        name = "resume" if given.resume else "cfg" if given.cfg is not None else "stage"
        raise Refusal(f"--{name}: has no meaning for a verification; leave it out")
    for name, what in (("forecast", "files of forecasts"), ("truth", "what was observed")):
        if not getattr(given, name):
            raise Refusal(f"--mode verify: needs --{name}, {what}; see --help")
    if given.out is None:
        raise Refusal("--mode verify: needs --out, the folder for the report")


def _check_convert(given: argparse.Namespace) -> None:
    if given.out is not None or given.resume:
        raise Refusal("--out, --resume: --mode convert has no run; name the new file with --to")


CHECKS: dict[str, Callable[[argparse.Namespace], None]] = {
    "predict": _check_predict,
    "verify": _check_verify,
    "convert": _check_convert,
}


def _check_processes(given: argparse.Namespace) -> None:
    for name, most in MOST.items():
        if not 1 <= getattr(given, name) <= most:
            raise Refusal(f"--{name} {getattr(given, name)}: expected 1 or more, at most {most}")
    if not 0 <= given.device_id < MOST_CARDS:
        raise Refusal(f"--device_id {given.device_id}: expected 0 to {MOST_CARDS - 1}")
    if not 0 <= given.nr < given.nodes:
        raise Refusal(
            f"--nr {given.nr}: expected 0 to {given.nodes - 1}, one of --nodes {given.nodes}"
        )
    if given.nodes > 1 and given.master is None:
        raise Refusal("--master: is needed with several nodes, HOST[:PORT] of node 0")
    if given.nodes > 1 and given.out is None:
        raise Refusal("--out: is needed with several nodes, one folder that all of them see")
    if given.master is not None and not re.fullmatch(r"[^:\s]+(:\d{1,5})?", given.master):
        raise Refusal(f"--master {given.master}: expected HOST or HOST:PORT")
    if given.mode in ALONE and given.nodes * given.devices > 1:
        raise Refusal(f"--mode {given.mode}: works in one process; leave out --nodes and --devices")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="mindcast",
        description="Train, score and use weather diffusion models.",
        epilog="Settings live in YAML files under configs/; any key can be given with --set.",
    )
    _add_work(parser.add_argument_group("what to do"))
    _add_predict(parser.add_argument_group("what to predict from, and where to"))
    _add_verify(parser.add_argument_group("what to verify"))
    _add_settings(parser.add_argument_group("where and with which settings"))
    _add_conversion(parser.add_argument_group("weights from elsewhere, and for others"))
    _add_processes(parser.add_argument_group("devices and processes"))
    return parser


def _add_work(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    stages = "; ".join(f"{name}: {', '.join(load_spec(name).stages)}" for name in MODELS)
    add("--mode", choices=tuple(MODES), default="train", help="default: train")
    add("--stage", default="all", help=f"training stage, or all (default: all); {stages}")
    resume = "continue the run in --out, or in a test its unfinished report"
    add("--resume", action="store_true", help=resume)
    page = "write the scores and pictures of a test, or a prediction, as one HTML page too"
    add("--report", action="store_true", help=page)


def _add_predict(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    files = "files, folders or patterns; of radar the newest frames in them are used"
    add("--input", nargs="+", action="extend", metavar="PATH", help=files)
    add("--at", metavar="TIME", help="predict from the frames up to this time, UTC")
    to = (
        "folder for the forecast (default: forecasts/<time of the last frame> in --out); of "
        "--mode convert the file: .ckpt for this program, .safetensors or .pt for others"
    )
    add("--to", metavar="PATH", help=to)
    add("--members", type=int, metavar="M", help="short for --set sampling.members=M")
    add("--steps", type=int, metavar="N", help="short for --set sampling.steps=N")


def _add_verify(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    many: dict[str, Any] = {"nargs": "+", "action": "extend", "metavar": "PATH"}
    add("--forecast", **many, help="NetCDF files of nowcasts, ours or anyone's")
    add("--truth", **many, help="radar files of what was observed: files, folders or patterns")
    context = "radar files that the baselines begin with (default: those of --truth)"
    add("--context", **many, help=context)


def _add_settings(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    cfg = f"settings file (default: {DEFAULT_CFG}; with an existing --out: the run's own)"
    add("--cfg", metavar="FILE", help=cfg)
    add("--out", metavar="DIR", help="run folder (default: runs/<time>-<model>)")
    one, key = "change one setting; may be repeated", "KEY.PATH=VALUE"
    add("--set", action="append", default=[], dest="overrides", metavar=key, help=one)
    add("--seed", type=int, metavar="N", help="short for --set runtime.seed=N")


def _add_conversion(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    released = "file of weights to convert: PyTorch, safetensors, MindSpore, or of this program"
    add("--from", metavar="FILE", dest="source", help=released)
    copies = "which weights, where a file has both (default: those that its authors used)"
    add("--weights", choices=("raw", "ema"), help=copies)


def _add_processes(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    fallback = "where it is absent the next of Ascend, GPU, CPU is used, with a warning"
    add("--device_target", choices=DEVICES, default="Ascend", help=f"default: Ascend; {fallback}")
    card = "which card, or the first of --devices (default: 0)"
    add("--device_id", type=int, default=0, metavar="N", help=card)
    processes = "processes on this machine, a card each (default: 1)"
    add("--devices", type=int, default=1, metavar="D", help=processes)
    nodes = "machines that work together, each with its --nr, --out on storage of all (default: 1)"
    add("--nodes", type=int, default=1, metavar="N", help=nodes)
    add("--nr", type=int, default=0, metavar="I", help="number of this machine, 0 to N-1")
    add("--master", metavar="HOST[:PORT]", help="address of machine 0 (port: 8118)")
