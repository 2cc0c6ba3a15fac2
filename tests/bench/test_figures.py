import json
import math

import pytest

from tests.bench import forecasts
from tests.bench.__main__ import write
from tests.bench.cases import released
from tests.bench.machine import Rates
from tests.bench.networks import row_of
from tests.bench.player import Measured

RATES = Rates(product=1e11, copy=1e10)
KEYS = {
    *("case", "side", "version", "parameters", "first_seconds", "seconds", "cpu_seconds", "calls"),
    *("empty_bytes", "peak_bytes", "problem", "flops", "moved_bytes"),
}
SHARES = {"product_share", "copy_share", "limit"}


def rows(seconds):
    return [
        row_of(case, Measured("mindspore", seconds=seconds, cpu_seconds=2 * seconds), RATES)
        for case in released()
    ]


def test_a_row_of_figures_holds_what_was_measured_and_counted():
    for row in rows(2.0):
        assert row.keys() == KEYS | SHARES


def test_a_case_that_was_killed_has_a_row_without_shares():
    case = released()[1]
    row = row_of(case, Measured("mindspore", problem="killed at 22.5 GB"), RATES)
    assert row.keys() == KEYS
    assert row["seconds"] is None


def test_the_limit_is_the_rate_of_which_most_is_used():
    count = released()[0].count
    shares = Rates(product=count.flops / 2, copy=count.moved / 4).shares(count, seconds=8.0)
    # 2 of 8 seconds would do for the products, 4 for the copies
    assert shares == {
        "product_share": pytest.approx(0.25),
        "copy_share": pytest.approx(0.5),
        "limit": "copy",
    }


def test_a_forecast_takes_the_calls_of_its_configuration():
    found = {row["forecast"]: row for row in forecasts.estimated(rows(2.0))}
    # 1000 steps of DDPM, 7 frames encoded at the price of 6, 6 decoded
    assert found["prediff"]["seconds"] == pytest.approx(2.0 * (1000 + 7 / 6 + 1))
    # 250 steps for each of four segments
    assert found["diffcast"]["seconds"] == pytest.approx(2.0 * 1000)
    assert found["geodiff"]["cpu_seconds"] == pytest.approx(4.0 * 50)


def test_a_forecast_without_one_of_its_networks_is_left_out():
    known = [row for row in rows(2.0) if row["case"] != "prediff decode"]
    assert [row["forecast"] for row in forecasts.estimated(known)] == ["diffcast", "geodiff"]


def test_the_file_of_figures_is_json_without_nan(tmp_path):
    path = tmp_path / "figures.json"
    write(path, {"growth": [{"exponent": math.nan, "sizes": (1, 2)}]})
    assert json.loads(path.read_text()) == {"growth": [{"exponent": None, "sizes": [1, 2]}]}
