import csv
import json
from pathlib import Path

import numpy as np
import pytest

from mindcast.evaluation.nowcast.report import CSV_COLUMNS, table_text, write_report
from mindcast.evaluation.nowcast.suite import NowcastSuite
from mindcast.refusal import Refusal


@pytest.fixture
def result():
    rng = np.random.default_rng(0)
    suite = NowcastSuite(("persistence", "ours"), (16, 999), 255, (1, 4), (10, 20))
    truth = rng.random((2, 2, 12, 12, 1), np.float32)
    suite.update("persistence", rng.random(truth.shape, np.float32), truth)
    suite.update("ours", rng.random((2, 3, *truth.shape[1:]), np.float32), truth)
    return suite.result()


def test_text_table_is_aligned_and_complete(result):
    first, second = (part.splitlines() for part in table_text(result).split("\n\n"))
    header, _rule, *rows = first
    for table in (first, second[:-1]):
        assert len({len(line) for line in table}) == 1
        assert [row.split("  ")[0] for row in table[2:]] == list(result["rows"])
    assert header.split("  ")[0] == "method"
    for column in (
        "CSI",
        "CSI-16",
        "CSI pool4",
        "CSI frame mean",
        "HSS",
        "MAE",
        "MSE",
        "SSIM",
        "CRPS",
    ):
        assert f"  {column}" in header
    assert [row.split("  ")[0] for row in rows] == [
        "persistence",
        "ours (mean of 3)",
        "ours (probability-matched mean of 3)",
        "ours (member 0)",
    ]
    error = result["rows"]["persistence"]["scores"]["mae_physical"]["overall"]
    bias = result["rows"]["persistence"]["scores"]["frequency_bias_16"]["overall"]
    assert second[0].split()[2:] == [
        *("bias-16", "bias-999", "spread/skill", "Brier", "ROC", "area", "FSS", "9", "px"),
        *("fine", "power"),
    ]
    # nothing reaches 999, and a single forecast has no spread
    assert second[2].split()[2:5] == [f"{bias:.2f}", "-", "-"]
    assert f"  {error:.2f}  " in rows[0]


def test_the_note_holds_unit_scale_and_thresholds():
    suite = NowcastSuite(("persistence",), (20, 30), 90, (1,), (6, 12), "dBZ")
    suite.update("persistence", *np.zeros((2, 1, 2, 12, 12, 1), np.float32))
    note = table_text(suite.result()).splitlines()[-1]
    assert "+6 to +12 min. Values: dBZ 0..90; " in note
    assert "mean over the thresholds 20, 30." in note


def test_json_is_strict_and_holds_where_the_scores_come_from(result, tmp_path):
    provenance = {"seed": np.int64(3), "checkpoint": Path("a/b.ckpt"), "steps": (5, 10)}
    write_report(tmp_path, result, provenance)

    def refuse(constant):
        raise AssertionError(constant)

    text = (tmp_path / "scores.json").read_text(encoding="utf-8")
    document = json.loads(text, parse_constant=refuse)
    assert document["provenance"] == {"seed": 3, "checkpoint": "a/b.ckpt", "steps": [5, 10]}
    scores = document["rows"]["ours (mean of 3)"]["scores"]
    assert scores["frequency_bias_999"]["overall"] is None
    assert scores["csi_16"] == result["rows"]["ours (mean of 3)"]["scores"]["csi_16"]


def test_csv_has_one_value_a_line(result, tmp_path):
    write_report(tmp_path, result, {})
    with open(tmp_path / "scores.csv", encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    found = {tuple(line[key] for key in CSV_COLUMNS if key != "value"): line for line in lines}
    assert len(found) == len(lines)
    row = result["rows"]["ours (member 0)"]["scores"]
    value = found["ours (member 0)", "csi", "16.0", "4", "20", ""]["value"]
    assert float(value) == row["csi_16_pool4"]["per_lead"][1]
    assert found["ours (member 0)", "frequency_bias", "999.0", "1", "all", ""]["value"] == ""
    assert float(found["persistence", "mae", "", "", "all", ""]["value"]) > 0


def test_csv_has_reliability_by_probability_and_ranks_by_lead_time(result, tmp_path):
    write_report(tmp_path, result, {})
    with open(tmp_path / "scores.csv", encoding="utf-8") as file:
        lines = [line for line in csv.DictReader(file) if line["at"]]
    lines = [line for line in lines if line["score"].startswith(("reliability", "rank", "roc"))]
    assert {line["method"] for line in lines} == {"ours (mean of 3)"}
    row = result["rows"]["ours (mean of 3)"]
    ranks = {
        (line["lead_minutes"], line["at"]): line["value"]
        for line in lines
        if line["score"] == "rank_share"
    }
    assert float(ranks["20", "3"]) == row["ranks"]["per_lead"][1][3]
    assert float(ranks["all", "0"]) == row["ranks"]["overall"][0]
    assert len(ranks) == 3 * 4
    pixels = [line for line in lines if line["score"] == "reliability_pixels"]
    assert [float(line["at"]) for line in pixels[:4]] == pytest.approx([0, 1 / 3, 2 / 3, 1])
    assert [int(line["value"]) for line in pixels[:4]] == row["reliability"][0]["pixels"]
    observed = [line for line in lines if line["score"] == "reliability_observed"]
    assert [line["value"] for line in observed[5:8]] == ["", "", ""]  # 999 is never forecast


def test_folder_that_cannot_be_made_is_refused(result, tmp_path):
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(Refusal, match=r"scores\.json: cannot be written"):
        write_report(tmp_path / "taken", result, {})


def test_nothing_but_the_two_files_is_left(result, tmp_path):
    write_report(tmp_path, result, {})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["scores.csv", "scores.json"]


def test_csv_has_fractions_by_scale_spectra_by_wavelength_and_roc_by_probability(result, tmp_path):
    write_report(tmp_path, result, {})
    with open(tmp_path / "scores.csv", encoding="utf-8") as file:
        lines = [line for line in csv.DictReader(file) if line["method"] == "ours (mean of 3)"]
    row = result["rows"]["ours (mean of 3)"]

    def found(score, **wanted):
        fits = (line for line in lines if line["score"] == score)
        fits = (f for f in fits if all(f[key] == value for key, value in wanted.items()))
        return {line["at"]: line["value"] for line in fits}

    shares = found("fss", threshold="16.0", lead_minutes="20")
    assert list(shares) == ["1", "3", "9", "27", "81"]
    assert float(shares["9"]) == row["scores"]["fss_16_scale9"]["per_lead"][1]
    power = found("power_truth")
    assert [float(at) for at in power] == [12 / k for k in range(1, 7)]
    assert float(power["3.0"]) == row["spectrum"]["truth"]["overall"][3]
    hits = found("roc_hit_rate", threshold="16.0")
    assert list(hits)[:2] == ["", "1.0"]  # nothing is announced; what all members reach
    assert float(hits["1.0"]) == row["reliability"][0]["hit_rate"][1]
