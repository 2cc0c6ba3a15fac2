"""Which way of sampling is as good as the full one: what that scored with all seeds is the measure.

A seed is a training (run folder) with a seed of the members' noise. Only those that both ways were
drawn with are compared, as trainings differ from each other more than samplers do.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tests.bench.few_calls.plans import ALONE, FULL, Way
from tests.bench.few_calls.scores import Line, loss

Seed = tuple[str, int]  # run, seed of the noise
FEWEST_SEEDS = 2  # below there is no spread to lie within


@dataclass(frozen=True)
class Row:
    """One way with its scores, {score: {seed: value}}; CPU seconds of a drawing, the mean."""

    way: Way
    values: dict[str, dict[Seed, float]]
    cpu_seconds: float

    def mean(self, score: str, seeds: Iterable[Seed] | None = None) -> float:
        """Over all seeds, or those given."""
        chosen = [self.values[score][s] for s in seeds or self.values[score]]
        return sum(chosen) / len(chosen)


def rows(lines: Iterable[Line], model: str, split: str) -> list[Row]:
    """The ways of one model on one split, in the order of the lines."""
    by_way: dict[Way, list[Line]] = {}
    for line in lines:
        if (line.model, line.split) == (model, split):
            by_way.setdefault(line.way, []).append(line)
    return [_row(way, of_way) for way, of_way in by_way.items()]


def _row(way: Way, lines: Sequence[Line]) -> Row:
    values: dict[str, dict[Seed, float]] = {}
    for line in lines:
        values.setdefault(line.score, {})[line.run, line.seed] = line.value
    return Row(way, values, sum(line.cpu_seconds for line in lines) / len(lines))


def full_row(found: Iterable[Row]) -> Row | None:
    """The ancestral sampler with the most calls; None where it was not drawn."""
    drawn = [row for row in found if row.way.sampler == FULL and row.way.setting == ALONE]
    return max(drawn, key=lambda row: row.way.calls, default=None)


def outside(row: Row, full: Row) -> tuple[str, ...]:
    """Scores whose mean is worse than the worst of the full sampler, over the seeds of both."""
    return tuple(score for score in full.values if _worse(score, row, full))


def _worse(score: str, row: Row, full: Row) -> bool:
    both = seeds_of_both(score, row, full)
    worst = max((loss(score, full.values[score][seed]) for seed in both), default=0.0)
    return bool(both) and loss(score, row.mean(score, both)) > worst


def seeds_of_both(score: str, row: Row, full: Row) -> list[Seed]:
    """Those that both ways were drawn with."""
    return [seed for seed in full.values[score] if seed in row.values.get(score, {})]


def fewest(found: Sequence[Row], full: Row) -> Row:
    """The row with the fewest calls that has no score outside; of several that of the least CRPS.

    Only of the network alone, and only with seeds enough for a spread; the full sampler itself
    where nothing shorter serves.
    """
    good = [
        row
        for row in found
        if row.way.setting == ALONE
        and len(seeds_of_both("CRPS", row, full)) >= FEWEST_SEEDS
        and not outside(row, full)
    ]
    return min([*good, full], key=lambda row: (row.way.calls, row.mean("CRPS")))
