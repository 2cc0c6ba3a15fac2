"""The options of `python -m tests.bench.few_calls`; docs/performance.md says what comes out."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from mindcast.files import write_text
from mindcast.refusal import EXIT_CODE, Refusal
from tests.bench.few_calls import report, scores
from tests.bench.few_calls.drawing import Comparison
from tests.bench.few_calls.measuring import measure
from tests.bench.few_calls.plans import AS_CONFIGURED, FULLEST, Way, ways

SAMPLERS, CALLS = "ddim,dpmpp_2m,dpmpp_2m_sde", "5,10,20,50"


def main(arguments: Sequence[str] | None = None) -> int:
    """Draw, score and write; 2 after a refusal, and what was scored before stays."""
    try:
        _made(_parser().parse_args(arguments))
    except Refusal as refusal:
        print(f"few_calls: {refusal}", file=sys.stderr)
        return EXIT_CODE
    return 0


def _made(given: argparse.Namespace) -> None:
    for name, least in (("cases", 1), ("members", 2), ("batch", 1), ("seeds", 1)):
        if getattr(given, name) < least:
            raise Refusal(f"--{name} {getattr(given, name)}: expected {least} or more")
    wanted, runs = _wanted(given), [Path(run) for run in given.runs]
    if len({run.name for run in runs}) < len(runs):
        raise Refusal("RUN: two folders of one name, which the file could not tell apart")
    out = Path(given.out)
    out.mkdir(parents=True, exist_ok=True)
    file = out / "scores.csv"
    of = Comparison(given.split, given.cases, given.members, given.batch, tuple(given.set))
    for text in measure(file, runs, wanted, of, range(given.seeds)):
        print(text, flush=True)
    lines = scores.read(file)
    write_text(out / "table.md", report.tables(lines))
    print(report.tables(lines))
    from tests.bench.few_calls.picture import draw  # late: it loads matplotlib

    for split in dict.fromkeys(line.split for line in lines):
        draw(out / f"few_calls_{split}.png", lines, split)


def _wanted(given: argparse.Namespace) -> list[Way]:
    full = [FULLEST] if given.full else []
    own = [AS_CONFIGURED] if given.own else []
    return [*ways(given.samplers, given.calls), *full, *own]


def _parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="python -m tests.bench.few_calls",
        description="Scores of trained models by sampler and number of network calls: "
        "OUT/scores.csv, a line as soon as it is known; table.md and a picture of each split of "
        "all that is in there. What is there already is not drawn again.",
    )
    made.add_argument("runs", metavar="RUN", nargs="*", help="trained run folders: the seeds")
    made.add_argument("--out", required=True, help="folder of the results; may be there")
    made.add_argument(
        "--samplers", default=SAMPLERS, metavar="NAME[:SPACING],...", help=f"default {SAMPLERS}"
    )
    made.add_argument("--calls", default=CALLS, metavar="N,...", help=f"default {CALLS}")
    made.add_argument(
        "--full", action="store_true", help="also the ancestral sampler with all its calls"
    )
    made.add_argument("--own", action="store_true", help="also the run as it is configured")
    made.add_argument("--split", default="val", choices=["train", "val", "test"])
    made.add_argument("--cases", type=int, default=2, help="evenly over the split (default 2)")
    made.add_argument("--members", type=int, default=4, help="of a case (default 4)")
    made.add_argument("--batch", type=int, default=8, help="rows at once (default 8)")
    made.add_argument("--seeds", type=int, default=1, help="of the members' noise (default 1)")
    made.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="settings")
    return made


if __name__ == "__main__":
    sys.exit(main())
