import csv

import numpy as np
import pytest

from mindcast.data import open_split, prepare
from mindcast.data.radar.archive import synthetic
from mindcast.data.radar.archive.rain import rain_event
from mindcast.data.radar.archive.settings import SyntheticSettings
from mindcast.data.radar.archive.synthetic import Recipe, main, write_archive
from mindcast.refusal import Refusal
from tests.data.radar.archive.archives import window
from tests.data.radar.windows import frames_of

TINY = {"events": 5, "seed": 3, "size": 16, "frames": 4}


def settings(root, **changes):
    tree = {"frame_size": (16, 16), "frames_per_event": 4, "events": 5, "seed": 3, **changes}
    return SyntheticSettings(name="synthetic", root_dir=str(root), **tree)


def cut(**changes):
    return window(**{"length": 4, "stride": 1, "size": 16, **changes})


def test_an_event_is_fixed_by_its_seed_and_number():
    event = Recipe(**TINY).event(2)
    assert event.shape == (16, 16, 4)
    assert event.dtype == np.uint8
    np.testing.assert_array_equal(event, Recipe(**{**TINY, "events": 50}).event(2))
    assert not np.array_equal(event, Recipe(**TINY).event(1))
    assert not np.array_equal(event, Recipe(**{**TINY, "seed": 4}).event(2))


def test_values_are_distributed_like_vil():
    events = np.stack([Recipe(events=12, seed=0, size=32, frames=7).event(i) for i in range(12)])
    share = {code: (events >= code).mean() for code in (1, 16, 74, 160, 219)}
    assert share[1] < 0.5  # most pixels are dry
    assert 0.1 < share[16] < 0.35
    assert 0.02 < share[74] < 0.2
    assert 0 < share[219] < share[160] < 0.02


def test_rain_moves_so_that_the_near_future_is_predictable():
    events = [rain_event(np.random.default_rng(i), 32, 13, 10) for i in range(3)]

    def correlation(lag):
        return np.mean([np.corrcoef(e[..., 0].ravel(), e[..., lag].ravel())[0, 1] for e in events])

    assert correlation(1) > 0.5
    assert correlation(1) > correlation(4) > correlation(12)


def test_the_archive_is_written_once_and_read_by_the_ordinary_reader(tmp_path, monkeypatch):
    root = tmp_path / "demo" / "radar"
    train = open_split(settings(root, val_fraction=0.0), "train", cut())
    assert len(train) == 4  # one event in five is for the test
    assert len(open_split(settings(root), "test", cut())) == 1
    expected = Recipe(**TINY).event(0).transpose(2, 0, 1)[..., None] / np.float32(255)
    np.testing.assert_array_equal(frames_of(train[0]), expected)
    assert [p.name for p in root.parent.iterdir()] == ["radar"]
    monkeypatch.setattr(synthetic, "rain_event", None)  # would fail if it were drawn again
    prepare(settings(root))


def test_the_catalogue_has_times_before_and_after_the_split_date(tmp_path):
    write_archive(tmp_path / "a", Recipe(**TINY))
    with (tmp_path / "a" / "CATALOG.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [r["time_utc"][:10] for r in rows] == [
        "2019-05-28",
        "2019-05-29",
        "2019-05-30",
        "2019-05-31",
        "2019-06-02",
    ]
    assert rows[0]["minute_offsets"] == "-20:-10:0:10"


def test_an_archive_of_another_recipe_is_refused(tmp_path):
    prepare(settings(tmp_path / "a"))
    with pytest.raises(Refusal, match=r"archive of events 5, seed 3, .* expected events 5, seed 4"):
        prepare(settings(tmp_path / "a", seed=4))


def test_a_folder_that_holds_something_else_is_refused(tmp_path):
    (tmp_path / "mine").write_text("")
    for root in (tmp_path, tmp_path / "mine"):
        with pytest.raises(Refusal, match="holds something else than a synthetic archive"):
            prepare(settings(root))
    assert (tmp_path / "mine").exists()


def test_an_empty_folder_is_filled(tmp_path):
    prepare(settings(tmp_path))
    assert (tmp_path / "CATALOG.csv").exists()


def test_an_interrupted_run_leaves_nothing(tmp_path, monkeypatch):
    def rain_event(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(synthetic, "rain_event", rain_event)
    with pytest.raises(KeyboardInterrupt):
        prepare(settings(tmp_path / "a"))
    assert list(tmp_path.iterdir()) == []


def test_an_archive_that_another_process_finished_first_is_used(tmp_path, monkeypatch):
    root = tmp_path / "a"
    draw = synthetic.rain_event

    def rain_event(*arguments):
        monkeypatch.setattr(synthetic, "rain_event", draw)
        prepare(settings(tmp_path / "other"))
        (tmp_path / "other").rename(root)
        return draw(*arguments)

    monkeypatch.setattr(synthetic, "rain_event", rain_event)
    prepare(settings(root))
    assert [p.name for p in tmp_path.iterdir()] == ["a"]


def test_a_folder_that_cannot_be_made_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(Refusal, match=r"file/a: cannot be written \(Not a directory\)"):
        prepare(settings(tmp_path / "file" / "a"))


def test_the_command_line_writes_an_archive(tmp_path, capsys):
    options = ["--out", str(tmp_path / "a"), "--events", "2", "--size", "8", "--frames", "2"]
    assert main([*options, "--seed", "1"]) == 0
    assert (tmp_path / "a" / "CATALOG.csv").exists()
    assert main([*options, "--seed", "2"]) == 2
    assert "expected events 2, seed 2" in capsys.readouterr().err


def test_the_command_line_refuses_sizes_that_are_too_small(tmp_path, capsys):
    with pytest.raises(SystemExit):
        main(["--out", str(tmp_path / "a"), "--size", "4"])
    assert "--size: 4, must be at least 8" in capsys.readouterr().err


def test_a_recipe_that_cannot_be_read_is_refused(tmp_path):
    (tmp_path / "synthetic.json").write_text("{")
    with pytest.raises(Refusal, match=r"synthetic\.json: cannot be read \("):
        write_archive(tmp_path, Recipe(events=2, seed=0, size=8))
