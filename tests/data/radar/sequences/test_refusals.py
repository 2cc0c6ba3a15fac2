import h5py
import numpy as np
import pytest

from mindcast.data import open_split
from mindcast.refusal import Refusal
from tests.data.radar.sequences.sequence_sets import FRAMES, random_codes, settings, window, write


@pytest.fixture
def path(tmp_path):
    return tmp_path / "a.h5"


def refusal(path, name="shanghai", split="test", cut=None, **changes):
    with pytest.raises(Refusal) as caught:
        open_split(settings(path, name, **changes), split, cut or window())
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_a_missing_file_is_refused(path):
    assert f"{path}: no such file or folder; set data.root_dir to the HDF5 file" in refusal(path)


def test_a_folder_without_a_file_is_refused(tmp_path):
    assert f"{tmp_path}: no .h5 file in this folder" in refusal(tmp_path)


def test_a_folder_with_several_files_is_refused_with_their_names(tmp_path):
    write(tmp_path / "a.h5")
    write(tmp_path / "b.h5")
    message = refusal(tmp_path)
    assert "holds 2 HDF5 files (a.h5, b.h5, ...) and no set.json; name one of them" in message


def test_a_list_of_files_that_is_none_is_refused(tmp_path):
    (tmp_path / "set.json").write_text("[]")
    assert "set.json: not the list of files that --mode prepare writes" in refusal(tmp_path)


def test_a_listed_file_that_is_gone_is_refused(tmp_path):
    (tmp_path / "set.json").write_text('{"files": ["b.h5"]}')
    assert f"{tmp_path / 'b.h5'}: no such file; fix data.root_dir" in refusal(tmp_path)


def test_a_truncated_file_is_refused(path):
    write(path)
    path.write_bytes(path.read_bytes()[:3000])
    message = refusal(path)
    assert "a.h5: not a readable HDF5 file" in message
    assert "truncated" in message


def test_a_file_that_is_no_hdf5_is_refused(path):
    path.write_text("radar")
    assert "a.h5: not a readable HDF5 file" in refusal(path)


def test_a_damaged_sequence_is_refused_when_it_is_read(path):
    write(path)
    with h5py.File(path, "a") as file:
        codes = file["test/2"][...]
        del file["test/2"]
        dataset = file.create_dataset("test/2", data=codes, chunks=codes.shape, compression=9)
        place = dataset.id.get_chunk_info(0)
    damaged = bytearray(path.read_bytes())
    damaged[place.byte_offset : place.byte_offset + place.size] = b"\x00" * place.size
    path.write_bytes(damaged)
    assert "a.h5: test/2 cannot be read (" in refusal(path)


@pytest.mark.parametrize(
    ("split", "groups", "text"),
    [
        ("test", ["train"], "no group 'test' for the test split, found train;"),
        ("train", ["test"], "no group 'train' for the train split, found test;"),
        ("val", ["test"], "no group 'train' for the val split, found test;"),
        ("test", [], "no group 'test' for the test split, found no group;"),
    ],
)
def test_a_file_without_the_split_s_group_is_refused(path, split, groups, text):
    write(path, "shanghai", {group: random_codes("shanghai", 1) for group in groups})
    message = refusal(path, split=split)
    assert text in message
    assert "is data.name = 'shanghai' right?" in message


def test_an_empty_split_is_refused(path):
    write(path, "shanghai", {"train": random_codes("shanghai", 1), "test": []})
    assert "no sequence in the test split (group 'test')" in refusal(path)


def test_validation_without_any_share_is_refused(path):
    write(path)
    assert "no sequence in the val split" in refusal(path, split="val", val_fraction=0.0)


@pytest.mark.parametrize("split", ["train", "val"])
def test_a_share_that_leaves_nothing_to_train_on_is_refused(path, split):
    write(path)
    message = refusal(path, split=split, val_fraction=0.5, val_gap=6)
    assert "'train' holds 12 sequences, 6 for validation and a gap of 6 leave none" in message
    assert "lower data.val_fraction or data.val_gap" in message


def test_a_sequence_that_is_not_there_is_refused(path):
    write(path)
    with h5py.File(path, "a") as file:
        del file["test/1"]
    assert "a.h5: test lacks the sequence '1', found 0, 2, all_len, ...;" in refusal(path)


def test_the_names_of_another_set_are_refused(path):
    write(path, "cikm")
    message = refusal(path, "shanghai")
    assert "test lacks the sequence '0', found sample_1, sample_2, sample_3" in message
    assert "fix data.name" in message


def test_a_count_that_is_no_number_is_refused(path):
    write(path, counted=False)
    with h5py.File(path, "a") as file:
        file["test/all_len"] = "three"
    assert "/test/all_len should be one whole number" in refusal(path)


@pytest.mark.parametrize("shape", [(FRAMES, 8), (FRAMES, 1, 8, 8), (0, 8, 8)])
def test_a_sequence_of_another_shape_is_refused(path, shape):
    write(path, "shanghai", {"test": [np.zeros(shape, np.uint8)]})
    assert f"test/0 is {shape}, expected a sequence (frames, height, width)" in refusal(path)


def test_a_group_in_the_place_of_a_sequence_is_refused(path):
    write(path, "shanghai", {"test": []}, counted=False)
    with h5py.File(path, "a") as file:
        file.create_group("test/0")
    assert "test/0 is no array, expected a sequence" in refusal(path)


@pytest.mark.parametrize("dtype", [np.complex64, "S3"])
def test_a_wrong_type_of_number_is_refused(path, dtype):
    write(path, "shanghai", {"test": [np.zeros((FRAMES, 8, 8), dtype)]})
    assert f"is {np.dtype(dtype)}, expected uint8 (or other numbers): codes 0..255" in refusal(path)


def test_frames_of_unequal_size_are_refused(path):
    odd = random_codes("shanghai", 1, size=(8, 9))
    write(path, "shanghai", {"test": random_codes("shanghai", 2) + odd})
    message = refusal(path)
    assert "test/2 has frames of 8 x 9, those before have 8 x 8; all must be of one" in message


def test_sequences_shorter_than_asked_are_refused(path):
    short = random_codes("shanghai", 1, frames=4)
    write(path, "shanghai", {"test": random_codes("shanghai", 1) + short})
    message = refusal(path)
    assert "test/1 has 4 frames, the model takes 5; shorten its context or its target" in message


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_nan_and_infinity_are_refused(path, bad):
    codes = random_codes("shanghai", 1)[0].astype(np.float32)
    codes[1, 2, 3] = bad
    write(path, "shanghai", {"test": [codes]})
    assert "a.h5: test/0 holds NaN or infinity" in refusal(path)


# -- another scale of values --------------------------------------------------------------------


def test_codes_where_dbz_are_expected_are_refused(path):
    write(path, "shanghai")  # the largest code is 255, missing there, the next one is 254
    message = refusal(path, "meteonet")
    assert "test/0 holds values from 0 to 254, expected dBZ in 0..90 (data.value_scale)" in message
    assert "if these are codes 0..255, data.name is another" in message


def test_dbz_where_codes_are_expected_are_refused(path):
    write(path, "meteonet")
    message = refusal(path, "shanghai")
    assert "the largest value in 3 sequences of test is 70, which looks like dBZ" in message
    assert "expected codes 0..255; fix data.name, or set data.check_values=false" in message
    assert len(open_split(settings(path, check_values=False), "test", window())) == 9


@pytest.mark.parametrize("name", ["shanghai", "meteonet"])
def test_values_that_are_divided_already_are_refused(path, name):
    codes = [codes.astype(np.float32) / 255 for codes in random_codes("shanghai", 2)]
    write(path, name, {"test": codes})
    message = refusal(path, name)
    assert "is 1, which looks like values already divided into 0..1, expected" in message


@pytest.mark.parametrize(("low", "high"), [(-1, 200), (0, 256)])
def test_values_outside_the_codes_are_refused(path, low, high):
    codes = random_codes("shanghai", 1)[0].astype(np.float32)
    codes[0, 0, 0], codes[0, 0, 1] = low, high
    write(path, "shanghai", {"test": [codes]})
    assert f"test/0 holds values from {low} to {max(high, 255)}, expected" in refusal(path)


def test_a_time_that_is_none_is_refused(path):
    write(path)
    with h5py.File(path, "a") as file:
        file["test/0"].attrs["first_frame_utc"] = "noon"
    assert "test/0: first_frame_utc = 'noon', expected a date and time like" in refusal(path)
