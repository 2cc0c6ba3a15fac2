import subprocess
import sys
from dataclasses import replace

import pytest

from mindcast.refusal import Refusal
from tests.bench.few_calls import __main__ as few_calls
from tests.bench.few_calls import scores
from tests.bench.few_calls.choice import fewest, full_row, outside, rows
from tests.bench.few_calls.plans import OWN, Way, ways
from tests.bench.few_calls.report import tables
from tests.bench.few_calls.scores import Line


def line(sampler, calls, score, value, run="a", setting="network alone", seconds=1.0):
    way = (setting, sampler, "auto", calls)
    return Line("diffcast", run, "val", 2, 4, *way, 0, score, value, seconds, seconds)


def scored(sampler, calls, crps, csi, power=(1.0, 1.0), **about):
    """Both runs, a and b, with their CRPS, CSI and fine power."""
    return [
        line(sampler, calls, score, value, run, **about)
        for score, pair in (("CRPS", crps), ("CSI", csi), ("fine power", power))
        for run, value in zip("ab", pair, strict=True)
    ]


FULL = scored("ddpm", 1000, (2.0, 2.2), (0.30, 0.34), (0.8, 1.25))


def test_samplers_calls_and_spacings_make_a_row_each():
    made = ways("ddim,dpmpp_2m:log_snr", "5, 10")
    assert made == (
        Way("ddim", "auto", 5),
        Way("ddim", "auto", 10),
        Way("dpmpp_2m", "log_snr", 5),
        Way("dpmpp_2m", "log_snr", 10),
    )
    assert made[2].name == "dpmpp_2m, log_snr"
    assert ways("", "5") == ()


def test_a_row_is_outside_where_its_mean_is_worse_than_the_worst_seed_of_the_full_one():
    # of power the larger distance of the logarithm counts: log 0.8 = -log 1.25, log 1.3 is more
    good = scored("ddim", 5, (2.19, 2.20), (0.31, 0.29), (0.85, 0.85))
    bad = scored("ddim", 10, (2.3, 2.2), (0.2, 0.3), (1.3, 1.3))
    better = scored("ddim", 20, (1.0, 1.0), (0.9, 0.9), (1.0, 1.0))
    full, *others = rows([*FULL, *good, *bad, *better], "diffcast", "val")
    assert full_row([full, *others]) is full
    assert [outside(row, full) for row in others] == [(), ("CRPS", "CSI", "fine power"), ()]


def test_only_seeds_of_both_are_compared_and_one_seed_is_no_spread():
    # in run b the full sampler has 2.2 and this one 2.5; in a 1.9 is less than 2.0
    short = [line("ddim", 5, "CRPS", 1.9, "a"), line("ddim", 5, "CRPS", 2.5, "b")]
    of_a = [entry for entry in FULL if entry.run == "a"]
    full, row = rows([*of_a, *short], "diffcast", "val")
    assert outside(row, full) == ()
    assert fewest([full, row], full) is full
    full, row = rows([*FULL, *short], "diffcast", "val")
    assert outside(row, full) == ()  # mean 2.2
    full, row = rows([*FULL, *short[:1], line("ddim", 5, "CRPS", 2.6, "b")], "diffcast", "val")
    assert outside(row, full) == ("CRPS",)


def test_the_fewest_calls_win_and_the_least_crps_among_equals():
    two_of_five = [
        *scored("ddim", 5, (2.1, 2.2), (0.32, 0.32)),
        *scored("dpmpp_2m", 5, (2.1, 2.1), (0.32, 0.32)),
        *scored("dpmpp_2m", 20, (1.9, 1.9), (0.32, 0.32)),
        *scored("ddim", 2, (2.1, 2.1), (0.32, 0.32), setting=OWN),  # shows something else
    ]
    found = rows([*FULL, *two_of_five], "diffcast", "val")
    assert fewest(found, found[0]).way == Way("dpmpp_2m", "auto", 5)
    poor = rows([*FULL, *scored("ddim", 5, (9, 9), (0, 0))], "diffcast", "val")
    assert fewest(poor, poor[0]) is poor[0]


def test_the_table_gives_means_and_ends_and_marks_the_choice():
    text = tables([*FULL, *scored("ddim", 5, (2.1, 2.2), (0.32, 0.32))])
    assert "diffcast, val: 2 cases, 4 members, 2 trainings x 1 seeds" in text
    assert "| ddpm | 1000 | 0.320 (0.300-0.340) | 2.10 (2.00-2.20) |" in text
    assert "| **ddim** | 5 | 0.320 (0.320-0.320) | 2.15 (2.10-2.20) |" in text


def test_a_report_gives_the_scores_of_the_rows_that_they_belong_to():
    def row(field, **values):
        return {
            "method": "m",
            "field": field,
            "scores": {k: {"overall": v} for k, v in values.items()},
        }

    mean = row("ensemble mean", csi=0.1, crps=0.02, crps_physical=2.0, mse_physical=9.0)
    matched = row("probability-matched mean", csi=0.3, crps=7.0)
    first = row("member 0", fine_power=0.9, csi=0.2)
    other = {**first, "method": "other", "scores": {"fine_power": {"overall": 5.0}}}
    result = {"rows": {"1": mean, "2": matched, "3": first, "4": other}}
    expected = {"CSI": 0.3, "CRPS": 2.0, "RMSE": 3.0, "fine power": 0.9}
    assert dict(scores.found(result, "m")) == expected


def test_lines_come_back_from_their_file_and_are_told_apart(tmp_path):
    path = tmp_path / "scores.csv"
    assert scores.read(path) == []
    scores.append(path, FULL[:2])
    scores.append(path, FULL[2:])
    assert scores.read(path) == FULL
    assert FULL[0].identity == replace(FULL[0], score="CSI", value=1.0, seconds=9.0).identity
    assert FULL[0].identity != replace(FULL[0], seed=1).identity


def test_another_file_is_not_added_to(tmp_path):
    path = tmp_path / "scores.csv"
    path.write_text("a,b\n1,2\n", encoding="utf-8")
    with pytest.raises(Refusal, match="is no file of this tool's scores; name another folder"):
        scores.read(path)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--calls", "5,x"], "--calls: 'x', expected numbers of network calls"),
        (["--samplers", "nonsense"], "'nonsense', expected one of ddpm, ddim"),
        (["--samplers", "ddim:leading"], "ddim:leading, expected one of trailing, endpoints"),
        (["--members", "1"], "--members 1: expected 2 or more"),
        (["x/run", "y/run"], "two folders of one name"),
        (["nowhere"], "no such file or folder"),
    ],
)
def test_what_cannot_be_done_is_refused_in_a_line(options, message, tmp_path, capsys):
    assert few_calls.main([*options, "--out", str(tmp_path / "out")]) == 2
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1


def test_the_picture_and_table_are_of_all_that_is_in_the_folder(tmp_path, capsys):
    scores.append(tmp_path / "scores.csv", [*FULL, *scored("ddim", 5, (2.1, 2.2), (0.3, 0.3))])
    assert few_calls.main(["--out", str(tmp_path)]) == 0
    assert "**ddim**" in (tmp_path / "table.md").read_text(encoding="utf-8")
    assert (tmp_path / "few_calls_val.png").stat().st_size > 5000
    assert "**ddim**" in capsys.readouterr().out


def test_options_are_read_without_the_heavy_libraries():
    code = (
        "import sys; from tests.bench.few_calls import __main__; "
        "print([m for m in ('mindspore', 'matplotlib', 'xarray') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
