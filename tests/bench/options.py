"""The options of the bench, and what of it they ask for."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mindcast.refusal import Refusal
from tests.bench import data, first_calls, growth, members, reader
from tests.bench.cases import Case, released
from tests.bench.player import QUICK, Rounds, Sides
from tests.bench.processes import GB, memory_at_hand
from tests.bench.torch_environment import DEFAULT, python_of

SPARE_BYTES = 1e9  # left to the system when no limit is given
# beside the networks: each part and of what it is measured
PARTS: dict[str, tuple[str, ...]] = {
    "growth": tuple(growth.MODELS),
    "members": members.MODELS,
    "first": first_calls.MODELS,
    "data": tuple(data.STAGES),
    "reader": reader.KINDS,
}
# named by --only alone: the whole is meant to take ten minutes on two cores
DEAR = (
    *("first diffcast", "first geodiff"),
    *("data prediff vae", "data diffcast joint", "data geodiff diffusion"),
)


@dataclass(frozen=True)
class Wanted:
    """cases: of the networks. parts: what is asked for of each of `PARTS`. quick: few calls, and
    no check that the networks of both sides are the same. kept: networks with graphs that an
    earlier process compiled."""

    sides: Sides
    rounds: Rounds
    cases: tuple[Case, ...]
    parts: Mapping[str, tuple[str, ...]]
    archive_gb: float
    quick: bool
    kept: bool
    json: Path | None

    @property
    def all_parts(self) -> tuple[str, ...]:
        """The names of what is asked for, in the order in which it is measured."""
        others = (part for part, names in self.parts.items() if names)
        return ("networks", *others) if self.cases else tuple(others)


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
    """--only picks by name. Else `DEAR` is left out, and with --quick all but the networks."""
    word = given.only
    cases = tuple(case for case in released() if word in case.name)
    parts = {
        part: tuple(name for name in names if _is_wanted(f"{part} {name}", word, given.quick))
        for part, names in PARTS.items()
    }
    if not cases and not any(parts.values()):
        known = [case.name for case in released()]
        known += [f"{part} {name}" for part, names in PARTS.items() for name in names]
        raise Refusal(f"--only {word}: expected a part of {', '.join(known)}")
    return Wanted(sides, rounds, cases, parts, given.archive_gb, given.quick, given.kept, json)


def _is_wanted(name: str, word: str, quick: bool) -> bool:
    return word in name if word else not quick and name not in DEAR


def _parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="python -m tests.bench",
        description="What MindCast's networks, ensembles, first calls and data cost on this "
        "machine; docs/performance.md says what the columns mean.",
    )
    made.add_argument("--json", metavar="FILE", help="write all figures to a new file")
    made.add_argument("--quick", action="store_true", help="the networks alone, few calls")
    made.add_argument(
        "--only",
        metavar="NAME",
        default="",
        help="the parts whose names hold this word; only so are measured: " + ", ".join(DEAR),
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
        "--kept",
        action="store_true",
        help="the networks with graphs that a process before has compiled",
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
