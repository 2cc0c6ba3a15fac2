"""All rows of a comparison, run after run; what is in the file already is not drawn again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path

from tests.bench.few_calls import scores
from tests.bench.few_calls.drawing import Comparison, Drawer
from tests.bench.few_calls.plans import OWN, Way
from tests.bench.few_calls.scores import Line


def measure(
    path: Path, runs: Sequence[Path], ways: Sequence[Way], of: Comparison, seeds: Sequence[int]
) -> Iterator[str]:
    """Draw and score; a row is added to the file as soon as it is known. A text for each of them.

    Refusal for what a model cannot do, before anything of its run is drawn.
    """
    for run in runs:
        for setting, wanted in groupby(ways, lambda way: way.setting):
            drawer = Drawer(run, of, setting == OWN)
            for way in [drawer.known(way) for way in wanted]:
                for seed in seeds:
                    yield _row(path, run.name, drawer, way, of, seed)


def _row(path: Path, run: str, drawer: Drawer, way: Way, of: Comparison, seed: int) -> str:
    named = f"{run}: {way.name}, {way.calls} calls, {way.setting}, seed {seed}"
    same = (drawer.method, run, of.split, len(drawer.cases), of.members, *way.parts, seed)
    if any(line.identity == same for line in scores.read(path)):
        return f"{named}: is in {path}"
    result, *spent = drawer.scored(way, seed)
    values = list(scores.found(result, drawer.method))
    scores.append(path, [Line(*same, *value, *spent) for value in values])
    texts = ", ".join(f"{name} {value:.4g}" for name, value in values)
    return f"{named}: {texts}; {spent[0]:.0f} s, {spent[1]:.1f} CPU s"
