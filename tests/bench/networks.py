"""The released networks: seconds, memory and share of the machine's rates, of one side or two."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from typing import Any

from tests.bench import machine
from tests.bench.cases import Case
from tests.bench.flops.count import Count, of_step
from tests.bench.machine import Rates
from tests.bench.player import Measured, Player, Rounds, Sides, play
from tests.bench.processes import GB
from tests.bench.table import Table

TITLES = (
    *("network", "side", "params M", "GFLOP", "first s", "s", "CPU s", "peak GB"),
    *("product %", "copy %", "limit"),
)
Row = dict[str, Any]


def measured(
    cases: Sequence[Case], sides: Sides, rates: Mapping[str, Rates], rounds: Rounds
) -> Iterator[list[Row]]:
    """The rows of case after case, each in processes of its own; prints a row a side, and the ratio
    of the two."""
    table = Table(TITLES)
    for case in cases:
        results = _results(case, sides, rounds)
        of_case = [row_of(case, result, rates[result.side]) for result in results]
        for row in of_case:
            _print(table, row)
        if len(of_case) == 2:
            _print_ratio(table, *of_case)
        yield of_case


def measured_rates(sides: Sides) -> dict[str, Rates]:
    """What each side makes of the machine."""
    copy, rates = machine.copy_rate(), {}
    for side in sides.pythons:
        with ExitStack() as opened:
            player = Player(side, sides, opened)
            asked = {"side": machine.PRODUCT_SIDE, "rounds": machine.PRODUCT_ROUNDS}
            answer = player.ask("product_rate", **asked)
        rates[side] = Rates(answer["rate"] if answer else float("nan"), copy)
    return rates


def count_of(case: Case, parameters: int) -> Count:
    """What one call of the case amounts to."""
    return of_step(case.count, parameters) if case.training else case.count


def row_of(case: Case, result: Measured, rates: Rates) -> Row:
    """All that is known of a case on a side."""
    count = count_of(case, result.parameters)
    row = {"case": case.name, **asdict(result), "flops": count.flops, "moved_bytes": count.moved}
    return row | rates.shares(count, result.seconds) if result.seconds else row


def _results(case: Case, sides: Sides, rounds: Rounds) -> list[Measured]:
    if sides.graphs:
        with ExitStack() as opened:  # the earlier process
            Player("mindspore", sides, opened).begin(case.plain())
    with ExitStack() as opened:
        players = [Player(side, sides, opened) for side in sides.pythons]
        play(players, case.plain(), rounds)
    return [player.result for player in players]


def _print(table: Table, row: Row) -> None:
    shares = [row.get(f"{kind}_share") for kind in ("product", "copy")]
    table.row(
        row["case"],
        row["side"],
        row["parameters"] / 1e6,
        row["flops"] / 1e9,
        row["first_seconds"],
        row["seconds"],
        row["cpu_seconds"],
        row["peak_bytes"] / GB,
        *(None if share is None else 100 * share for share in shares),
        row.get("limit"),
    )
    if row["problem"]:
        print(f"  {row['side']}: {row['problem']}", flush=True)


def _print_ratio(table: Table, ours: Row, theirs: Row) -> None:
    if ours["seconds"] and theirs["seconds"]:
        keys = ("first_seconds", "seconds", "cpu_seconds", "peak_bytes")
        table.row("", "ratio", None, None, *(ours[key] / theirs[key] for key in keys))
