import csv

import h5py
import numpy as np
import pytest

from mindcast.data import open_split, prepare
from mindcast.refusal import Refusal
from tests.data.radar.composites.sets import START, STEP, sevir_lr, window, write

BORDERS = {
    "val_start_date": str(START + 5 * STEP),
    "train_test_split_date": str(START + 9 * STEP),
    "end_date": str(START + 20 * STEP),
}


def test_events_are_read_by_the_archive_s_reader_each_in_its_split(tmp_path):
    settings = sevir_lr(tmp_path / "lr", write(tmp_path / "radar", range(14)), **BORDERS)
    prepare(settings)
    # frames 0..5, 6..9 and 10..13 (a border belongs to what ends there), three long
    for split, first, count in (("train", 0, 4), ("val", 6, 2), ("test", 10, 2)):
        samples = open_split(settings, split, window(3))
        assert len(samples) == count
        assert samples.times(0)[0] == np.datetime64(START + first * STEP, "m")
        # code = -47.18 + 5.118 dBZ
        dbz = 30 + first + np.arange(2)
        codes = np.rint(-47.1813 + 5.11832 * dbz)
        context = samples[0].input.context
        np.testing.assert_array_equal(np.rint(context[:, 0, 0, 0] * 255), codes)


def test_the_catalogue_names_file_place_and_offsets(tmp_path):
    prepare(sevir_lr(tmp_path / "lr", write(tmp_path / "radar", range(14)), **BORDERS))
    with (tmp_path / "lr/CATALOG.csv").open() as text:
        rows = list(csv.DictReader(text))
    assert len({row["id"] for row in rows}) == len(rows) == 8
    assert rows[0]["time_utc"] == "2020-07-01 12:05:00"
    assert rows[0]["minute_offsets"] == "-5:0:5"
    assert (rows[0]["origin_row"], rows[0]["origin_column"]) == ("0", "8")
    with h5py.File(tmp_path / "lr/data" / rows[0]["file_name"]) as file:
        assert file["vil"].shape == (8, 4, 4, 3)
        assert [name.decode() for name in file["id"]] == [row["id"] for row in rows]


def test_events_with_a_projection_have_their_corners_in_degrees(tmp_path):
    from tests.data.incoming import files

    pixels = np.full((6, 8), 130)
    source = files.series(tmp_path / "radar", files.write_odim, 3, pixels=pixels)[0]
    how = {"inputs": [source], "origins": [[0, 0]]}
    dates = {"val_fraction": 0, "train_test_split_date": "2021-01-01", "end_date": "2021-01-01"}
    prepare(sevir_lr(tmp_path / "lr", source, composites=how, **dates))
    with (tmp_path / "lr/CATALOG.csv").open() as text:
        (row,) = csv.DictReader(text)
    # rows 0..3 of 6 of 2 km from the origin of the projection, 10 E 55 N, on: 4 km north of it
    assert float(row["llcrnrlon"]) == pytest.approx(10, abs=1e-4)
    assert float(row["llcrnrlat"]) == pytest.approx(55 + 4 / 111.3, abs=1e-3)
    assert float(row["height_m"]) == pytest.approx(8000, abs=1)


def test_a_finished_archive_is_kept_and_anything_else_refused(tmp_path):
    source = write(tmp_path / "radar", range(14))
    settings = sevir_lr(tmp_path / "lr", source, **BORDERS)
    prepare(settings)
    before = (tmp_path / "lr/CATALOG.csv").stat().st_mtime_ns
    prepare(settings)
    assert (tmp_path / "lr/CATALOG.csv").stat().st_mtime_ns == before
    other = sevir_lr(tmp_path / "lr", source, **{**BORDERS, "end_date": str(START + 13 * STEP)})
    with pytest.raises(Refusal, match="holds something else than this preparation makes"):
        prepare(other)
    write(tmp_path / "radar", [14])
    with pytest.raises(Refusal, match="before that changed"):
        prepare(settings)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/precious.txt").write_text("mine")
    with pytest.raises(Refusal, match="holds something else"):
        prepare(sevir_lr(tmp_path / "mine", source, **BORDERS))
    assert (tmp_path / "mine/precious.txt").read_text() == "mine"


def test_a_validation_that_is_drawn_at_random_is_refused(tmp_path):
    settings = sevir_lr(tmp_path / "lr", write(tmp_path / "radar", range(3)))
    with pytest.raises(Refusal, match=r"data\.val_start_date is missing.*data\.val_fraction=0"):
        prepare(settings)


def test_a_split_without_an_event_is_refused_and_leaves_nothing(tmp_path):
    settings = sevir_lr(tmp_path / "lr", write(tmp_path / "radar", range(8)), **BORDERS)
    with pytest.raises(Refusal, match="no val window of 3 frames"):
        prepare(settings)
    assert [path.name for path in tmp_path.iterdir()] == ["radar"]
