import h5py
import numpy as np
import pytest

from mindcast.data import open_split
from mindcast.refusal import Refusal
from tests.data.radar.archive import archives
from tests.data.radar.archive.archives import (
    FRAMES,
    SIZE,
    random_events,
    row,
    settings,
    window,
    write_archive,
    write_catalogue,
    write_events,
)


def refusal(root, split="train", cut=None, **changes):
    with pytest.raises(Refusal) as caught:
        open_split(settings(root, **changes), split, cut or window())
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_a_missing_folder_is_refused(tmp_path):
    message = refusal(tmp_path / "none")
    assert f"{tmp_path / 'none'}: no such folder, expected CATALOG.csv and data/" in message


def test_a_folder_without_catalogue_is_refused(tmp_path):
    message = refusal(tmp_path)
    assert "CATALOG.csv: cannot be read (No such file or directory)" in message


def test_a_catalogue_that_is_no_text_is_refused(tmp_path):
    (tmp_path / "CATALOG.csv").write_bytes(b"\xff\xfe\x00\x81" * 9)
    assert "CATALOG.csv: cannot be read" in refusal(tmp_path)


def test_a_catalogue_without_a_needed_column_is_refused_with_the_columns(tmp_path):
    cut = {key: value for key, value in row("A").items() if key != "pct_missing"}
    write_catalogue(tmp_path, [cut])
    message = refusal(tmp_path)
    assert "column pct_missing missing, found id, file_name, file_index" in message


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"time": "yesterday"}, "line 2: time_utc = 'yesterday', expected a date"),
        ({"index": "one"}, "line 2: file_index = 'one', expected a number"),
        ({"index": -1}, "line 2: file_index = '-1', expected 0, 1, 2"),
        ({"pct": "few"}, "line 2: pct_missing = 'few', expected a number"),
    ],
)
def test_a_catalogue_row_that_makes_no_sense_is_refused_with_its_line(tmp_path, changes, text):
    write_catalogue(tmp_path, [row("A", **changes)])
    assert text in refusal(tmp_path)


def test_an_empty_split_is_refused_with_its_dates_and_those_of_the_catalogue(tmp_path):
    write_archive(tmp_path)
    message = refusal(tmp_path, "test")
    assert "no event in the test split (after 2019-06-01 00:00:00 up to the end)" in message
    assert "runs from 2019-01-01 12:00:00 to 2019-01-04 12:00:00" in message


def test_validation_without_any_share_is_refused(tmp_path):
    write_archive(tmp_path)
    assert "no event in the val split" in refusal(tmp_path, "val", val_fraction=0.0)


def test_a_missing_file_is_refused_when_the_split_is_opened(tmp_path):
    write_catalogue(tmp_path, [row("A")])
    assert "A.h5: no such file, though the catalogue names it" in refusal(tmp_path)


def test_a_truncated_file_is_refused(tmp_path):
    write_archive(tmp_path)
    path = tmp_path / "data" / archives.FILE
    path.write_bytes(path.read_bytes()[:3000])
    message = refusal(tmp_path)
    assert "A.h5: not a readable HDF5 file" in message
    assert "truncated" in message


def test_a_damaged_event_is_refused_when_it_is_read(tmp_path):
    path = tmp_path / "data" / archives.FILE
    path.parent.mkdir(parents=True)
    with h5py.File(path, "w") as file:
        event = (SIZE, SIZE, FRAMES)
        dataset = file.create_dataset("vil", (1, *event), "u1", chunks=(1, *event), compression=9)
        dataset[...] = random_events(1)
        place = dataset.id.get_chunk_info(0)
    damaged = bytearray(path.read_bytes())
    damaged[place.byte_offset : place.byte_offset + place.size] = b"\x00" * place.size
    path.write_bytes(damaged)
    write_catalogue(tmp_path, [row("A")])
    sequences = open_split(settings(tmp_path), "train", window())
    with pytest.raises(Refusal, match=r"A\.h5: event 0 cannot be read") as caught:
        sequences[0]
    assert "\n" not in str(caught.value)


def test_a_file_without_the_image_type_is_refused_with_what_it_holds(tmp_path):
    write_catalogue(tmp_path, [row("A")])
    write_events(tmp_path, random_events(1), key="ir069")
    assert "A.h5: no dataset 'vil', found ir069" in refusal(tmp_path)


@pytest.mark.parametrize(
    "shape", [(1, SIZE, SIZE, FRAMES + 1), (1, SIZE + 1, SIZE, FRAMES), (SIZE, SIZE, FRAMES)]
)
def test_a_wrong_shape_is_refused_with_the_settings_to_change(tmp_path, shape):
    write_catalogue(tmp_path, [row("A")])
    write_events(tmp_path, np.zeros(shape, np.uint8))
    message = refusal(tmp_path)
    assert f"vil has shape {shape}, expected (events, 6, 6, 10)" in message
    assert "data.frame_size" in message


def test_a_wrong_type_of_number_is_refused(tmp_path):
    write_catalogue(tmp_path, [row("A")])
    write_events(tmp_path, random_events(1).astype(np.complex64))
    assert "vil is complex64, expected uint8" in refusal(tmp_path)


def test_an_event_beyond_the_end_of_its_file_is_refused(tmp_path):
    write_catalogue(tmp_path, [row("A", 5), row("B", 0)])
    write_events(tmp_path, random_events(2))
    assert "A.h5: the catalogue asks for event 5, the file holds 2" in refusal(tmp_path)


def test_a_window_longer_than_the_event_is_refused(tmp_path):
    write_archive(tmp_path)
    message = refusal(tmp_path, cut=window(length=FRAMES + 1))
    assert "takes 11 frames, more frames than the event has" in message


def test_a_model_built_for_other_frames_is_refused(tmp_path):
    write_archive(tmp_path)
    message = refusal(tmp_path, cut=window(size=8))
    assert "data.frame_size = 6 x 6: the model is built for frames of 8 x 8" in message


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_float_data_may_not_hold_nan(tmp_path, bad):
    codes = random_events(1).astype(np.float32)
    codes[0, 1, 2, 3] = bad
    write_catalogue(tmp_path, [row("A")])
    write_events(tmp_path, codes)
    sequences = open_split(settings(tmp_path), "train", window(length=2, stride=1))
    np.testing.assert_allclose(
        sequences[0].input.context[..., 0] * 255, codes[0, ..., :2].transpose(2, 0, 1), atol=1e-4
    )
    with pytest.raises(Refusal, match=r"A\.h5: event 0 holds NaN or infinity"):
        sequences[2]
