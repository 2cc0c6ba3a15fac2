import csv
import json

import pytest

from mindcast.evaluation.downscale.report import table_text, write_report
from mindcast.evaluation.downscale.suite import DownscaleSuite
from mindcast.refusal import Refusal
from tests.evaluation.downscale.fields import LEVELS, draw, target_of


@pytest.fixture(scope="module")
def result():
    ensemble, truth = draw()
    suite = DownscaleSuite(("bicubic", "ours"), LEVELS)
    suite.update("bicubic", ensemble[:, 0, ..., None], target_of(truth))
    suite.update("ours", ensemble[..., None], target_of(truth))
    return suite.result()


def test_text_has_a_table_of_scores_and_one_of_levels(result):
    header, rule, *rows = table_text(result).splitlines()[:5]
    assert len({len(line) for line in (header, rule, *rows)}) == 1
    assert [row.split("  ")[0] for row in rows] == [
        "bicubic",
        "ours (mean of 5)",
        "ours (member 0)",
    ]
    text = table_text(result)
    rmse = result["rows"]["bicubic"]["scores"]["rmse"]
    assert f"{rmse['overall']:.3f}" in text
    for name, value in zip(("1000 hPa", "850 hPa", "500 hPa"), rmse["values"], strict=True):
        assert name in text
        assert f"{value:.3f}" in text
    assert "  -  " in rows[0]  # one field has no spread


def test_json_is_strict_and_holds_all_with_its_origin(result, tmp_path):
    write_report(tmp_path, result, {"seed": 3})

    def refuse(constant):
        raise AssertionError(constant)

    text = (tmp_path / "scores.json").read_text(encoding="utf-8")
    document = json.loads(text, parse_constant=refuse)
    assert document["provenance"] == {"seed": 3}
    row = document["rows"]["bicubic"]
    assert row["scores"]["spread"]["overall"] is None
    assert row["scores"]["rmse"] == result["rows"]["bicubic"]["scores"]["rmse"]


def test_csv_has_one_value_a_line(result, tmp_path):
    write_report(tmp_path, result, {})
    with open(tmp_path / "scores.csv", encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    found = {
        tuple(line[name] for name in ("method", "score", "level_hpa", "at")): line["value"]
        for line in lines
    }
    assert len(found) == len(lines)
    row = result["rows"]["ours (mean of 5)"]
    name = "ours (mean of 5)"
    scores = row["scores"]
    assert float(found[name, "rmse", "850", ""]) == scores["rmse"]["values"][1]
    assert float(found[name, "rmse", "all", ""]) == scores["rmse"]["overall"]
    assert (
        float(found[name, "thickness_rmse", "850-500", ""])
        == (scores["thickness_rmse"]["values"][1])
    )
    assert float(found[name, "power_ratio", "500", "8"]) == row["spectrum"]["ratio"][2][7]
    assert float(found[name, "rank_share", "1000", "5"]) == row["ranks"][0][5]
    assert found["bicubic", "spread", "all", ""] == ""


def test_folder_that_cannot_be_made_is_refused(result, tmp_path):
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(Refusal, match=r"scores\.json: cannot be written"):
        write_report(tmp_path / "taken", result, {})
