import json

import numpy as np
import pytest

from mindcast import cli
from tests.data.forecasts.files import (
    LEADS,
    START,
    STEP,
    frames,
    grid,
    write_forecast,
    write_observed,
)

SETTINGS = ("evaluation.pools=[1]", "evaluation.scales=[1,3]", "context_frames=1")


def verify(folder, *further, forecast="ours.nc"):
    options = ["--forecast", folder / forecast, "--truth", folder / "truth.nc", *further]
    settings = [part for setting in SETTINGS for part in ("--set", setting)]
    return cli.main(
        ["--mode", "verify", "--out", str(folder / "out"), *map(str, options), *settings]
    )


@pytest.fixture
def folder(tmp_path):
    values = frames(LEADS + 1)
    write_observed(tmp_path / "truth.nc", values, grid())
    write_forecast(tmp_path / "ours.nc", np.stack([values[1:]] * 2), grid())
    return tmp_path


@pytest.mark.slow
def test_a_forecast_file_gets_the_report_and_pictures_of_a_test(folder, capsys):
    assert verify(folder, "--report", "--set", "evaluation.figures=1") == 0
    told = capsys.readouterr().out
    report, figures = folder / "out" / "report", folder / "out" / "figures"
    assert sorted(path.name for path in report.iterdir()) == [
        *("report.html", "scores.csv", "scores.json"),
    ]
    drawn = {path.stem for path in figures.iterdir()}
    assert {"csi", "errors", "fss", "spectra", "roc", "ours_ours_20200601T1200"} <= drawn
    for path in (*report.iterdir(), *figures.iterdir()):
        assert str(path) in told
    page = (report / "report.html").read_text()
    assert "ours: scores of 1 case" in page
    assert str(folder / "truth.nc") in page
    document = json.loads((report / "scores.json").read_text())
    assert document["rows"]["ours (mean of 2)"]["scores"]["mae"]["overall"] == 0
    assert document["provenance"]["truth"] == [str(folder / "truth.nc")]
    assert document["provenance"]["settings"]["evaluation"]["scales"] == [1, 3]


def refused(folder, capsys, *further, **changes):
    assert verify(folder, *further, **changes) == 2
    told = capsys.readouterr()
    assert not told.out
    assert not (folder / "out").exists()
    return [line for line in told.err.splitlines() if line.startswith("mindcast: ")]


def test_what_does_not_fit_is_one_line_and_nothing_is_written(folder, capsys):
    write_forecast(folder / "later.nc", frames(LEADS), grid(), START + 50 * STEP)
    write_forecast(folder / "apart.nc", frames(LEADS), grid(x=0.0))
    for name, why in (
        ("later.nc", "no common time"),
        ("apart.nc", "does not cover the area"),
        ("none.nc", "no such file"),
    ):
        (line,) = refused(folder, capsys, forecast=name)
        assert why in line
    (line,) = refused(folder, capsys, "--set", "evaluation.scale=[1]")
    assert "--set: unknown key evaluation.scale; did you mean evaluation.scales?" in line
    (line,) = refused(folder, capsys, "--set", "thresholds=[]")
    assert "thresholds" in line


def test_a_file_in_the_place_of_the_folder_is_refused_before_anything_is_read(folder, capsys):
    (folder / "out").write_text("a file")
    assert verify(folder, forecast="none.nc") == 2
    assert "out is a file, expected a folder; choose another --out" in capsys.readouterr().err


def test_what_is_no_netcdf_is_refused_by_its_kind(folder, capsys):
    (folder / "a.nc").write_text("some words")
    (line,) = refused(folder, capsys, forecast="a.nc")
    assert "a.nc: is text, expected the NetCDF file of a forecast; look at it" in line


def test_a_truth_of_no_known_format_is_refused_before_the_forecast_is_opened(folder, capsys):
    (folder / "damaged.nc").write_bytes(b"CDF\x01" + bytes(9))
    (line,) = refused(folder, capsys, forecast="damaged.nc")
    assert "damaged.nc" in line
    (folder / "truth.nc").write_text("some words")
    (line,) = refused(folder, capsys, forecast="damaged.nc")
    assert "truth.nc: is text; can be read: knmi: " in line
