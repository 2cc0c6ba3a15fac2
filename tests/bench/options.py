"""The options of the bench, and what of it they ask for."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mindcast.refusal import Refusal
from tests.bench import ensembles, growth
from tests.bench.cases import Case, released
from tests.bench.player import QUICK, Rounds, Sides
from tests.bench.processes import GB, memory_at_hand
from tests.bench.torch_environment import DEFAULT, python_of

SPARE_BYTES = 1e9  # left to the system when no limit is given
DATA, READER = "data", "reader"
GROWTH, MEMBERS = "growth", "members"


@dataclass(frozen=True)
class Wanted:
    """cases: of the networks. growth, members: names of models. data, reader: whether. quick: few
    calls, and no check that the networks of both sides are the same."""

    sides: Sides
    rounds: Rounds
    cases: tuple[Case, ...]
    growth: tuple[str, ...]
    members: tuple[str, ...]
    data: bool
    reader: bool
    archive_gb: float
    quick: bool
    json: Path | None


def wanted(arguments: Sequence[str] | None = None) -> Wanted:
    """What the command line asks for; Refusal for what cannot be done."""
    given = _parser().parse_args(arguments)
    json = Path(given.json) if given.json else None
    if json is not None and json.exists():
        raise Refusal(f"--json {json}: is there already; name a file that is not")
    if json is not None and not json.absolute().parent.is_dir():
        raise Refusal(f"--json {json}: no such folder; make it first")
    for name in ("archive_gb", "limit_gb"):
        value = getattr(given, name)
        if value is not None and not value > 0:
            raise Refusal(f"--{name.replace('_', '-')} {value}: expected more than 0")
    if given.channels_last and not given.torch:
        raise Refusal("--channels-last: is about PyTorch; give --torch too")
    pythons = {"mindspore": sys.executable}
    if given.torch:
        pythons["torch-cl" if given.channels_last else "torch"] = python_of(given.torch)
    limit = given.limit_gb * GB if given.limit_gb else memory_at_hand() - SPARE_BYTES
    rounds = QUICK if given.quick else Rounds()
    return _chosen(given, Sides(pythons, limit), rounds, json)


def _chosen(given: argparse.Namespace, sides: Sides, rounds: Rounds, json: Path | None) -> Wanted:
    """--only picks by name; --quick leaves out all but the networks, unless it is named."""
    word, whole = given.only, not given.quick or bool(given.only)
    cases = tuple(case for case in released() if word in case.name)
    names = {part: _models(part, table, word) for part, table in PARTS.items() if whole}
    made = Wanted(
        sides,
        rounds,
        cases,
        names.get(GROWTH, ()),
        names.get(MEMBERS, ()),
        data=whole and word in DATA,
        reader=whole and word in READER,
        archive_gb=given.archive_gb,
        quick=given.quick,
        json=json,
    )
    if not (made.cases or made.growth or made.members or made.data or made.reader):
        known = [case.name for case in released()]
        known += [f"{part} {model}" for part, table in PARTS.items() for model in table]
        raise Refusal(f"--only {word}: expected a part of {', '.join([*known, DATA, READER])}")
    return made


PARTS = {GROWTH: tuple(growth.MODELS), MEMBERS: tuple(ensembles.STAGES)}


def _models(part: str, models: Sequence[str], word: str) -> tuple[str, ...]:
    return tuple(model for model in models if word in f"{part} {model}")


def _parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="python -m tests.bench",
        description="What MindCast's networks, data and ensembles cost on this machine; "
        "docs/performance.md says what the columns mean.",
    )
    made.add_argument("--json", metavar="FILE", help="write all figures to a new file")
    made.add_argument("--quick", action="store_true", help="the networks alone, few calls")
    made.add_argument(
        "--only", metavar="NAME", default="", help="the parts whose names hold this word"
    )
    made.add_argument(
        "--torch",
        metavar="PYTHON",
        nargs="?",
        const=DEFAULT,
        help="the same networks in eager PyTorch, in turns with ours: the environment that has "
        f"it, or its Python (default {DEFAULT})",
    )
    made.add_argument(
        "--channels-last",
        action="store_true",
        help="PyTorch's 2-D convolutions channels last, which is faster (side torch-cl)",
    )
    made.add_argument(
        "--limit-gb",
        metavar="GB",
        type=float,
        help="memory of a process before it is ended (default: what is free, less 1)",
    )
    made.add_argument(
        "--archive-gb",
        metavar="GB",
        type=float,
        default=2.0,
        help="size of the archive that is made, read and removed (default 2)",
    )
    return made
