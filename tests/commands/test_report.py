"""A test that stops and goes on."""

import json

import pytest

from mindcast.commands.cases import distinct
from mindcast.commands.report import identity_of
from mindcast.evaluation import unfinished
from mindcast.evaluation.unfinished import Unfinished
from mindcast.refusal import Refusal
from mindcast.runtime.run_folder import RunFolder
from mindcast.runtime.run_lock import locked
from mindcast.settings import load_settings
from tests.commands.testing import COUNT, Forecaster, Split, without_pictures, work


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    without_pictures(monkeypatch)
    monkeypatch.setattr("mindcast.commands.report.SHARE", 0.0)  # save after every case


class Killed(BaseException):
    """What no handler of ours knows: stands for the end of the process."""


def raising(error):
    def act():
        raise error

    return act


def scores(folder):
    return json.loads((folder / "report" / "scores.json").read_text())


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def stopped(folder, at, error, **changes):
    with pytest.raises(type(error)) as caught:
        work(folder, forecaster=Forecaster(at, raising(error)), **changes)
    return str(caught.value)


@pytest.mark.parametrize("at", range(COUNT))
def test_a_test_that_was_stopped_and_goes_on_equals_one_that_never_stopped(tmp_path, at):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    assert work(whole).asked == list(range(COUNT))
    stopped(parts, at, Killed())
    assert "unfinished.npz" in names(parts / "report")
    assert work(parts, resume=True).asked == list(range(at, COUNT))
    for name in ("scores.json", "scores.csv"):
        one, other = (folder / "report" / name for folder in (whole, parts))
        assert one.read_bytes() == other.read_bytes()
    for folder in ("report", "figures"):
        assert names(whole / folder) == names(parts / folder)
    assert names(parts / "report") == ["scores.csv", "scores.json"]


def test_scores_are_there_after_every_case_with_how_many_they_are_of(tmp_path):
    stopped(tmp_path, 4, Killed())
    found = scores(tmp_path)
    assert found["unfinished"] == {"cases": 4, "of": COUNT}
    assert {row["cases"] for row in found["rows"].values()} == {4}
    work(tmp_path, resume=True)
    assert "unfinished" not in scores(tmp_path)


def test_a_kept_case_is_drawn_as_soon_as_it_is_scored(tmp_path):
    stopped(tmp_path, 1, Killed())
    assert names(tmp_path / "figures") == ["ours_event_0.gif", "ours_event_0.png"]


def test_where_saving_takes_long_it_is_done_less_often_and_at_the_end(tmp_path, monkeypatch):
    monkeypatch.setattr("mindcast.commands.report.SHARE", 1e9)
    saved = []
    write = unfinished.write
    monkeypatch.setattr(unfinished, "write", lambda *a: (saved.append(a[1].cases), write(*a)))
    stopped(tmp_path, 4, Killed(), figures=0)
    assert saved == [0, 1, 4]  # begun, the first case, and what there was when it ended
    assert scores(tmp_path)["unfinished"]["cases"] == 4


def test_an_interrupt_says_how_far_it_came_and_how_to_go_on(tmp_path):
    said = stopped(tmp_path, 3, KeyboardInterrupt())
    assert said == (
        f"3 of 6 cases are scored in {tmp_path / 'report'}; continue with --mode test --out "
        f"{tmp_path} --resume"
    )


def test_a_refusal_on_the_way_loses_nothing_that_was_scored(tmp_path):
    said = stopped(tmp_path, 2, Refusal("disk: is full; make room"))
    assert said == (
        f"disk: is full; make room; 2 of 6 cases are scored in {tmp_path / 'report'}; continue "
        f"with --mode test --out {tmp_path} --resume"
    )
    assert scores(tmp_path)["unfinished"]["cases"] == 2


def test_a_case_whose_picture_failed_is_done_again(tmp_path, monkeypatch):
    panels = "mindcast.visualization.nowcast.panels.forecast_panel"
    with monkeypatch.context() as broken:
        broken.setattr(panels, lambda *_: raising(Refusal("a.png: cannot be written"))())
        with pytest.raises(Refusal, match=r"a\.png: cannot be written"):
            work(tmp_path)
    assert work(tmp_path, resume=True).asked == list(range(COUNT))
    assert {row["cases"] for row in scores(tmp_path)["rows"].values()} == {COUNT}


def test_a_bad_sample_is_named_before_the_first_forecast_and_no_report_is_begun(tmp_path):
    forecaster = Forecaster()
    with pytest.raises(Refusal, match="sample event_5 holds NaN"):
        work(tmp_path, Split(bad=[5]), forecaster)
    assert forecaster.asked == []
    assert list(tmp_path.iterdir()) == []


def test_only_samples_that_will_be_forecast_are_looked_at(tmp_path):
    split = Split(bad=[4])
    work(tmp_path, split, max_samples=4)
    assert set(split.read) == {0, 1, 2, 3}


def test_a_resumed_test_looks_at_the_cases_that_are_left(tmp_path):
    stopped(tmp_path, 3, Killed())
    split = Split()
    work(tmp_path, split, resume=True)
    assert set(split.read) == {3, 4, 5}


def test_samples_of_one_name_are_all_drawn(tmp_path):
    labels = ["a", "a", "a_2", "b", "a", "b"]
    work(tmp_path, Split(labels=labels), figures=6)
    drawn = {name.removesuffix(".gif") for name in names(tmp_path / "figures") if "gif" in name}
    assert drawn == {"ours_a", "ours_a_2", "ours_a_3", "ours_a_4", "ours_b", "ours_b_2"}


def test_a_label_too_long_for_a_file_is_shortened_to_one_that_no_other_has():
    long = ["ä" * 200 + end for end in ("_0", "_1", "_1")]
    names = distinct(["a", *long])
    assert len(set(names)) == 4
    assert all(len(name.encode()) <= 184 for name in names)
    assert names[1].endswith("ä_0")
    assert distinct(["b" * 180]) == ("b" * 180,)


def test_a_test_can_be_made_while_a_training_writes_the_run(tmp_path):
    with locked(tmp_path, "run", ""):
        assert work(tmp_path).asked == list(range(COUNT))


def test_other_settings_are_refused_by_name(tmp_path):
    stopped(tmp_path, 3, Killed())
    before = (tmp_path / "report" / "unfinished.npz").read_bytes()
    with pytest.raises(Refusal, match=r"report: was begun with sampling\.of = one, not two; set"):
        work(tmp_path, resume=True, settings="two")
    assert (tmp_path / "report" / "unfinished.npz").read_bytes() == before


def test_a_report_without_the_scores_of_today_is_refused_and_left_as_it_was(tmp_path):
    stopped(tmp_path, 3, Killed())
    before = unfinished.read(tmp_path / "report")
    kept = {path: a for path, a in before.sums.items() if "ours/1/" not in path}
    unfinished.write(tmp_path / "report", Unfinished(before.identity, 3, kept), "")
    with pytest.raises(Refusal, match="report: was begun by another version; leave out --resume"):
        work(tmp_path, resume=True)
    assert unfinished.read(tmp_path / "report").sums.keys() == kept.keys()


def test_a_finished_report_is_known_and_left_alone(tmp_path):
    work(tmp_path)
    before = scores(tmp_path)
    assert work(tmp_path, resume=True).asked == []
    assert scores(tmp_path) == before
    assert names(tmp_path) == ["figures", "report"]
    assert names(tmp_path / "report") == ["scores.csv", "scores.json"]
    with pytest.raises(Refusal, match=r"was begun with sampling\.of = one, not two"):
        work(tmp_path, resume=True, settings="two")


def test_the_newest_unfinished_report_is_continued(tmp_path):
    stopped(tmp_path, 1, Killed())
    stopped(tmp_path, 2, Killed())
    work(tmp_path)
    assert work(tmp_path, resume=True).asked == [2, 3, 4, 5]
    assert names(tmp_path / "report_2") == ["scores.csv", "scores.json"]
    assert "unfinished.npz" in names(tmp_path / "report")


def test_where_no_report_was_begun_there_is_none_to_continue(tmp_path):
    with pytest.raises(Refusal, match="holds no report to continue; leave out --resume"):
        work(tmp_path, resume=True)


def test_a_report_that_another_process_writes_is_refused(tmp_path):
    stopped(tmp_path, 1, Killed())
    with locked(tmp_path / "report", "report", ""), pytest.raises(Refusal, match="is in use by"):
        work(tmp_path, resume=True)
    assert work(tmp_path).asked == list(range(COUNT))  # a new one is free
    assert len(RunFolder(tmp_path).reports()) == 2


def identity(tmp_path, *changes, content="a", labels=("a", "b"), device="CPU"):
    path = tmp_path / "fit.ckpt"
    path.write_text(content)
    settings = load_settings("configs/smoke/diffcast.yaml", changes)
    return identity_of(settings, {"fit": path}, device, labels)


@pytest.mark.parametrize(
    "change",
    [
        "data.workers=3",
        "training.joint.max_steps=99",
        "runtime.compile_cache=/tmp/x",
        "ckpt_path=/other/place",
    ],
)
def test_what_changes_no_number_may_differ_on_the_way(tmp_path, change):
    assert identity(tmp_path, change) == identity(tmp_path)


@pytest.mark.parametrize(
    "change",
    [
        {"content": "b"},
        {"labels": ("a", "c")},
        {"labels": ("a",)},
        {"device": "GPU"},
    ],
)
def test_other_weights_samples_or_devices_are_another_test(tmp_path, change):
    assert identity(tmp_path, **change) != identity(tmp_path)
    assert identity(tmp_path, "sampling.members=5") != identity(tmp_path)
