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


def test_a_catalogue_of_other_types_is_refused_with_the_types_that_it_has(tmp_path):
    write_catalogue(tmp_path, [row("A", image_type="VIL"), row("B", image_type="ir069")])
    assert "CATALOG.csv: no row with img_type vil, found VIL, ir069" in refusal(tmp_path)


@pytest.mark.parametrize(
    ("unit", "is_refused"), [("dBZ", True), ("kg m-2", True), ("mm/h", True), ("code 0-255", False)]
)
@pytest.mark.parametrize("place", ["vil", "/"])
def test_codes_that_the_file_calls_another_quantity_are_refused(tmp_path, unit, is_refused, place):
    write_archive(tmp_path)
    with h5py.File(tmp_path / "data" / archives.FILE, "a") as file:
        file[place].attrs["units"] = unit
    if is_refused:
        assert f"vil: units = {unit!r}, expected codes 0..255" in refusal(tmp_path)
    else:
        assert len(open_split(settings(tmp_path), "train", window()))


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


def opened(root, codes, **changes):
    write_catalogue(root, [row("A")])
    write_events(root, codes)
    return open_split(settings(root, **changes), "train", window())


@pytest.mark.parametrize("kind", ["i2", ">u2", "i8", "f2", ">f4", "f8"])
def test_codes_are_read_from_any_type_of_number(tmp_path, kind):
    expected = opened(tmp_path, random_events(1))[0].input.context
    found = opened(tmp_path, random_events(1).astype(kind))[0].input.context
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda codes: np.where(codes < 9, -99, codes), "holds values from -99 to 254, expected"),
        (lambda codes: codes * 20.0, "holds values from 0 to 5080, expected codes 0..255; fix it"),
        (lambda codes: codes.astype("i1"), "holds values from -128 to 127, expected codes"),
    ],
)
def test_values_beyond_the_codes_are_refused_when_read(tmp_path, change, words):
    sequences = opened(tmp_path, change(random_events(1).astype("f8")))
    with pytest.raises(Refusal, match=f"event 0 {words}"):
        [sequences[k] for k in range(len(sequences))]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda codes: codes / 255, "looks like values already divided into 0..1"),
        (lambda codes: (codes - 33.4) / 47.5, "looks like dBZ or normalised values"),
        (lambda codes: codes / 4, "looks like dBZ or normalised values"),
    ],
)
def test_values_of_another_scale_are_refused_when_the_split_is_opened(tmp_path, change, words):
    write_catalogue(tmp_path, [row("A")])
    write_events(tmp_path, change(random_events(1)))
    message = refusal(tmp_path)
    assert "A.h5: the largest value in 1 events is" in message
    assert f"{words}, expected codes 0..255; fix the file, or set data.check_values" in message
    assert open_split(settings(tmp_path, check_values=False), "train", window())


def test_events_of_little_rain_pass_beside_others_of_their_file(tmp_path):
    codes = random_events(2)
    codes[1] //= 4
    write_events(tmp_path, codes)
    write_catalogue(tmp_path, [row("A", 0), row("B", 1, time="2019-07-01 12:00:00")])
    assert len(open_split(settings(tmp_path), "test", window())) == 3


def test_dry_archives_pass(tmp_path):
    assert not opened(tmp_path, np.zeros((1, SIZE, SIZE, FRAMES), "u1"))[0].input.context.any()


def test_packed_codes_are_unpacked_and_missing_ones_are_nothing(tmp_path):
    codes = random_events(1)
    codes[codes == 255] = 0
    write_catalogue(tmp_path, [row("A")])
    path = write_events(tmp_path, np.where(codes == 0, 255, codes) * 0.5)
    with h5py.File(path, "a") as file:
        file["vil"].attrs.update({"scale_factor": 2.0, "_FillValue": [127.5]})
    found = open_split(settings(tmp_path), "train", window())[0].input.context[..., 0]
    expected = np.moveaxis(codes[0, ..., :2], -1, 0) / np.float32(255)
    np.testing.assert_array_equal(found, expected.astype(np.float32))


@pytest.mark.parametrize(
    "shape", [(1, FRAMES, SIZE, SIZE), (1, SIZE, FRAMES, SIZE), (FRAMES, SIZE, SIZE, 1)]
)
def test_axes_in_another_order_are_refused_as_such(tmp_path, shape):
    write_catalogue(tmp_path, [row("A")])
    write_events(tmp_path, np.zeros(shape, np.uint8))
    message = refusal(tmp_path)
    assert f"vil has shape {shape}, expected (events, 6, 6, 10); its axes are in another" in message


@pytest.mark.parametrize(
    ("offsets", "words"),
    [
        (range(-25, 25, 5), "minute_offsets are 5 minutes apart, expected data.interval_minutes"),
        (range(-25, 25, 5), "interval_minutes = 10; set data.interval_minutes=5"),
        ([*range(0, 90, 10), 105], "minute_offsets are 10 to 25 minutes apart"),
        (range(0, 80, 10), "8 minute_offsets for events of 10 frames; set data.frames_per_event"),
        (["0", "x"], "minute_offsets = '0:x', expected numbers like -10:-5:0:5:10"),
        (["a", "b"], "minute_offsets = 'a:b', expected numbers like -10:-5:0:5:10"),
    ],
)
def test_a_catalogue_of_other_minutes_is_refused(tmp_path, offsets, words):
    write_events(tmp_path, random_events(1))
    write_catalogue(tmp_path, [{**row("A"), "minute_offsets": ":".join(map(str, offsets))}])
    message = refusal(tmp_path)
    assert "CATALOG.csv: event A: " in message
    assert words in message


def test_a_column_that_occurs_twice_is_refused(tmp_path):
    write_archive(tmp_path)
    path = tmp_path / "CATALOG.csv"
    head, *rows = path.read_text().splitlines()
    path.write_text("\n".join([f"{head},file_index", *(f"{one},0" for one in rows)]))
    assert "CATALOG.csv: column file_index occurs twice" in refusal(tmp_path)


def test_a_zip_with_the_name_of_a_file_is_named(tmp_path):
    write_archive(tmp_path)
    (tmp_path / "data" / archives.FILE).write_bytes(b"PK\x03\x04" + bytes(600))
    assert "A.h5: not a readable HDF5 file but a ZIP archive; unpack it" in refusal(tmp_path)
