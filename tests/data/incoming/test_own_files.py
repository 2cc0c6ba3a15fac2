import numpy as np
import pytest

from tests.data.incoming import files
from tests.data.incoming.files import codes, series, settings
from tests.data.incoming.reading import TIMES, expect_times, frames_of


def test_arrays_have_the_unit_and_mapping_of_the_settings(tmp_path):
    values = codes().astype(np.float32)
    values[0, 0], values[1, 0] = np.nan, 99
    how = settings(unit="dBZ", physical_per_code=0.5, offset=-2, missing_code=99)
    frames = frames_of(series(tmp_path, files.write_npy, 3, values=values), how)
    expect_times(frames)
    expected = np.where((values == 99) | np.isnan(values), np.nan, values * 0.5 - 2)
    np.testing.assert_allclose(frames.values[0], expected)


def test_one_array_of_frames_has_times_by_its_last(tmp_path):
    np.save(tmp_path / "frames.npy", np.stack([codes() + k for k in range(4)]))
    how = settings(unit="dBZ", last_time="2020-07-01 12:15", interval_minutes=5)
    frames = frames_of([str(tmp_path / "frames.npy")], how)
    expect_times(frames)
    np.testing.assert_array_equal(frames.values[3], codes() + 3)


def test_files_without_times_are_in_order_of_their_numbers(tmp_path):
    for k in (2, 10, 9, 1):
        np.save(tmp_path / f"frame{k}.npy", codes() + k)
    how = settings(unit="dBZ", last_time="2020-07-01 12:15", interval_minutes=5)
    frames = frames_of([str(tmp_path)], how)
    expect_times(frames)
    np.testing.assert_array_equal(frames.values[:, 0, 0], [1, 2, 9, 10])


def test_an_npz_may_hold_its_times_and_unit(tmp_path):
    stack = np.stack([codes() + k for k in range(4)])
    np.savez(tmp_path / "a.npz", rain=stack, times=TIMES, unit="mm/h")
    frames = frames_of([str(tmp_path / "a.npz")])
    expect_times(frames)
    assert frames.unit == "mm/h"
    assert (frames.values[2] == codes() + 2).all()


def test_pictures_have_the_mapping_of_the_settings(tmp_path):
    how = settings(unit="mm", accumulation_minutes=5, physical_per_code=0.01)
    frames = frames_of(series(tmp_path, files.write_png, 3), how)
    expect_times(frames)
    np.testing.assert_allclose(frames.values[0], codes() * 0.12, rtol=1e-6)


def test_a_sevir_event_is_chosen_by_its_id(tmp_path):
    how = settings(event="S1", last_time="2020-07-01 16:00")
    frames = frames_of(files.write_sevir(tmp_path / "vil.h5"), how)
    # 25 frames of 4 hours: 10 minutes apart
    assert frames.times[0] == TIMES[0]
    assert frames.times[1] - frames.times[0] == np.timedelta64(600)
    assert frames.unit == "VIL"
    assert (frames.values[3] == 103).all()


def test_a_sevir_event_has_the_times_of_a_catalogue_above_it(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "CATALOG.csv").write_text(
        "id,file_name,file_index,img_type,time_utc,pct_missing\n"
        "S1,vil.h5,1,vil,2020-07-01 14:00:00,0.1\n"
    )
    frames = frames_of(files.write_sevir(tmp_path / "data" / "vil.h5"), settings(event="S1"))
    assert frames.times[0] == TIMES[0]  # the centre is 2 hours later


def test_a_sequence_is_read_as_training_reads_it(tmp_path):
    how = settings(layout="shanghai", sequence="test/1", interval_minutes=5)
    frames = frames_of(files.write_sequences(tmp_path / "a.h5"), how)
    assert (frames.times[:4] == TIMES).all()
    # grey code 110 of 255 at a scale of 90 dBZ
    assert frames.values[0, 0, 0] == pytest.approx(110 / 255 * 90, rel=1e-6)
    assert frames.unit == "dBZ"
    assert frames.is_prepared
