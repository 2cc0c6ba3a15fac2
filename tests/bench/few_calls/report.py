"""The comparison as a table of Markdown, one for each model and split."""

from __future__ import annotations

from collections.abc import Sequence

from tests.bench.few_calls.choice import (
    FEWEST_SEEDS,
    Row,
    fewest,
    full_row,
    outside,
    rows,
    seeds_of_both,
)
from tests.bench.few_calls.plans import ALONE, OWN
from tests.bench.few_calls.scores import SOURCES, Line

UNITS = {"diffcast": "dBZ", "prediff": "codes", "geodiff": "K"}


def tables(lines: Sequence[Line]) -> str:
    """All of them, in the order of the lines."""
    kinds = dict.fromkeys((line.model, line.split) for line in lines)
    return "\n".join(_table(lines, model, split) for model, split in kinds)


def _table(lines: Sequence[Line], model: str, split: str) -> str:
    found = rows(lines, model, split)
    full = full_row(found)
    shown = [score for score in SOURCES if any(score in row.values for row in found)]
    least = fewest(found, full) if full else None
    in_order = sorted(
        found,
        key=lambda row: (row is not full, row.way.setting != ALONE, row.way.name, row.way.calls),
    )
    titles = [_title(score, model) for score in shown]
    text = [
        f"{model}, {split}: {_about(lines, model, split)}",
        "",
        f"| sampler | calls | {' | '.join(titles)} | worse than the measure in |",
        f"|---|---:|{'---:|' * len(shown)}---|",
    ]
    text += [_line(row, shown, full, row is least) for row in in_order]
    return "\n".join([*text, ""])


def _title(score: str, model: str) -> str:
    return f"{score} ({UNITS[model]})" if score in {"CRPS", "RMSE"} else score


def _about(lines: Sequence[Line], model: str, split: str) -> str:
    of = [line for line in lines if (line.model, line.split) == (model, split)]
    runs, seeds = len({line.run for line in of}), len({line.seed for line in of})
    return f"{of[0].cases} cases, {of[0].members} members, {runs} trainings x {seeds} seeds"


def _line(row: Row, shown: Sequence[str], full: Row | None, least: bool) -> str:
    cells = [_cell(list(row.values.get(score, {}).values())) for score in shown]
    name = row.way.name + (f" ({OWN})" if row.way.setting == OWN else "")
    verdict = ""
    if row is full:
        verdict = "(the measure)"
    elif full is not None and row.way.setting == ALONE:
        enough = len(seeds_of_both("CRPS", row, full)) >= FEWEST_SEEDS
        verdict = ", ".join(outside(row, full)) or "nothing" if enough else "(one seed)"
    name = f"**{name}**" if least else name
    return f"| {name} | {row.way.calls} | {' | '.join(cells)} | {verdict} |"


def _cell(values: Sequence[float]) -> str:
    """The mean, and the smallest and largest of several."""
    if not values:
        return "-"
    digits = 3 if max(values) < 2 else 2
    mean, ends = sum(values) / len(values), (min(values), max(values))
    texts = [f"{value:.{digits}f}" for value in (mean, *ends)]
    return texts[0] if len(values) == 1 else f"{texts[0]} ({texts[1]}-{texts[2]})"
