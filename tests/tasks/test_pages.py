import json

import pytest
from PIL import Image

from mindcast.page.document import Picture
from mindcast.refusal import Refusal
from mindcast.tasks import TASKS, load_words
from mindcast.tasks.pages import write_forecast_page, write_report_page
from tests.commands.testing import without_pictures, work
from tests.page.pages import Seen

ABOUT = {
    "data": "made up <data>",
    "device": "CPU",
    "model": "a model",
    "checkpoints": {"fit": {"path": "runs/a/fit.ckpt", "step": 7, "sha256": "ab12"}},
    "split": "test",
    "methods": ["ours", "ours_ka"],
    "seed": 3,
    "sampler": "ddim",
    "steps": 5,
    "members": 2,
    "settings": {"data": {"root_dir": "</pre><script>"}, "levels": [1, 2]},
    "versions": {"mindcast": "1.2.3"},
}


@pytest.fixture
def report(tmp_path, monkeypatch):
    """A finished report of nowcasts, its pictures without content."""
    without_pictures(monkeypatch)
    work(tmp_path)
    return with_provenance(tmp_path / "report")


def with_provenance(folder, **changes):
    document = json.loads((folder / "scores.json").read_text())
    document["provenance"] = {**ABOUT, **changes}
    (folder / "scores.json").write_text(json.dumps(document))
    return folder


def pictures(folder, *names):
    paths = [folder / name for name in names]
    for path in paths:
        Image.new("RGB", (3, 2)).save(path)
    return paths


def seen(path):
    return Seen(path.read_text(encoding="utf-8"))


def test_a_report_becomes_a_page_beside_its_scores(report):
    path = write_report_page(load_words("nowcast"), report, [])
    assert path == report / "report.html"
    page = seen(path)
    assert page.text.count("a model: scores of 6 cases") == 2  # title and heading
    for word in ("made up <data>", "ddim, 5 steps", "runs/a/fit.ckpt", "ab12", "1.2.3"):
        assert word in page.text
    assert "root_dir: </pre><script>" in page.text
    assert not page.all("script")


def test_the_tables_are_those_that_are_printed(report):
    words = load_words("nowcast")
    result = json.loads((report / "scores.json").read_text())
    page = seen(write_report_page(words, report, []))
    for cells in words.tables(result).values():
        for row in cells:
            assert all(cell in page.text for cell in row)
    assert "CRPS: fair estimate over all members" in page.text


def test_numbers_that_are_not_known_are_dashes(report):
    # spread/skill is of ensembles; of persistence it is null in the file
    result = json.loads((report / "scores.json").read_text())
    header, persistence, *_ = list(load_words("nowcast").tables(result).values())[1]
    assert persistence[0] == "persistence"
    assert persistence[header.index("spread/skill")] == "-"


def test_pictures_are_of_scores_or_of_cases_and_say_of_which(report, tmp_path):
    names = ("csi.png", "csi_pool4.png", "ours_event_0.png", "ours_ka_event_0.gif", "new_one.png")
    paths = [*pictures(tmp_path, *names), tmp_path / "notes.txt"]
    page = seen(write_report_page(load_words("nowcast"), report, paths))
    texts = [image["alt"] for image in page.all("img")]
    assert "CSI" in texts[0]
    assert "block maximum" in texts[1]
    assert texts[2] == "Scores of all methods: new one."  # of which the words say nothing
    assert texts[3].endswith("of ours, event_0.")
    assert texts[4].endswith("of ours_ka, event_0.")
    assert "Curves" in page.text
    assert "Cases" in page.text
    assert "ours, event_0: truth and forecast" in page.text


def test_of_a_downscaled_case_maps_and_section_are_told_apart():
    cases = load_words("downscale").cases
    assert [cases[pattern][0] for pattern in ("*_section.png", "*.png")] == ["section", "maps"]
    assert list(cases) == ["*_section.png", "*.png"]  # the first that fits counts


def test_without_pictures_their_headings_are_left_out(report):
    page = seen(write_report_page(load_words("nowcast"), report, []))
    assert "Curves" not in page.text


def test_a_page_is_written_anew(report):
    (report / "report.html").write_text("old")
    assert "a model" in seen(write_report_page(load_words("nowcast"), report, [])).text


@pytest.mark.parametrize("text", ["", "{}", '{"rows": 3, "provenance": []}', None])
def test_what_is_no_report_is_refused(tmp_path, text):
    if text is not None:
        (tmp_path / "scores.json").write_text(text)
    with pytest.raises(Refusal, match=r"scores\.json: holds no report of this version; leave out"):
        write_report_page(load_words("nowcast"), tmp_path, [])
    assert not (tmp_path / "report.html").exists()


def test_a_report_before_versions_were_recorded_has_a_page_too(report):
    document = json.loads((report / "scores.json").read_text())
    del document["provenance"]["versions"]
    (report / "scores.json").write_text(json.dumps(document))
    assert "not recorded" in seen(write_report_page(load_words("nowcast"), report, [])).text


@pytest.mark.parametrize("task", TASKS)
def test_every_task_has_words_for_its_report(task):
    words = load_words(task)
    for caption, text in (*words.curves.values(), *words.cases.values()):
        assert caption
        assert len(text) > len(caption)


def test_a_forecast_has_a_page_with_what_was_done_to_its_input(tmp_path):
    (path,) = pictures(tmp_path, "ours.png")
    record = {**ABOUT, "notes": ["thinned to 10 min"]}
    shown = [Picture(path, "forecast", "Maps of the forecast.")]
    write_forecast_page(tmp_path / "a.html", {"From": "2016-07-11 18:00 UTC"}, record, shown)
    page = seen(tmp_path / "a.html")
    done = "What was done to the input"
    for word in ("2016-07-11 18:00 UTC", done, "thinned to 10 min", "ab12", "a model: forecast"):
        assert word in page.text
    assert [image["alt"] for image in page.all("img")] == ["Maps of the forecast."]
    write_forecast_page(tmp_path / "a.html", {}, ABOUT, [])
    assert not {done, "Pictures"} & set(seen(tmp_path / "a.html").texts)
