import os
import pickle
from pathlib import Path

import h5py
import numpy as np
import pytest

from mindcast.data import open_split
from mindcast.data.base import SPLITS
from mindcast.evaluation.nowcast.baselines import persistence
from mindcast.evaluation.nowcast.suite import NowcastSuite
from tests.data.radar.sequences.sequence_sets import (
    FRAMES,
    SIZE,
    random_codes,
    settings,
    window,
    write,
)
from tests.data.radar.windows import frames_of

SHARED = Path(__file__).parents[5] / "shared" / "data" / "diffcast_h5_like"
VAL = {"meteonet": "val", "shanghai": "val", "cikm": "valid", "sevir_h5": "val"}


def opened(path, name="shanghai", split="test", cut=None, **changes):
    return open_split(settings(path, name, **changes), split, cut or window())


@pytest.mark.parametrize("name", ["sevir_h5", "shanghai", "cikm"])
def test_codes_are_divided_by_255(tmp_path, name):
    codes = write(tmp_path / "a.h5", name)["test"]
    sample = opened(tmp_path / "a.h5", name, cut=window(FRAMES))[1]
    assert sample.input.context.shape == (2, SIZE, SIZE, 1)
    assert sample.truth.shape == (FRAMES - 2, SIZE, SIZE, 1)
    assert sample.truth.dtype == np.float32
    np.testing.assert_allclose(frames_of(sample)[..., 0] * 255, codes[1], atol=1e-4)


def test_dbz_is_divided_by_the_value_scale_and_missing_pixels_are_zero(tmp_path):
    codes = random_codes("meteonet", 2)
    codes[0][2, 3, 4] = 255
    write(tmp_path / "a.h5", "meteonet", {"test": codes})
    frames = frames_of(opened(tmp_path / "a.h5", "meteonet", cut=window(FRAMES))[0])
    expected = np.where(codes[0] == 255, 0, codes[0])
    np.testing.assert_allclose(frames[..., 0] * 90, expected, atol=1e-4)
    other = opened(tmp_path / "a.h5", "meteonet", cut=window(FRAMES), value_scale=70.0)[0]
    np.testing.assert_allclose(frames_of(other)[..., 0] * 70, expected, atol=1e-4)


def test_sequences_longer_than_asked_are_cut_into_windows_in_order(tmp_path):
    codes = write(tmp_path / "a.h5")["test"]
    sequences = opened(tmp_path / "a.h5", cut=window(5, 2))
    # 9 frames: starts 0, 2, 4, so 1 + (9 - 5) // 2 = 3 of each of the 3 sequences
    assert len(sequences) == 9
    np.testing.assert_allclose(frames_of(sequences[4])[..., 0] * 255, codes[1][2:7], atol=1e-4)
    assert sequences.label(4) == "test_1_02"
    assert sequences.keys.tolist() == list(range(9))
    with pytest.raises(IndexError):
        sequences[9]


def test_sequences_of_unlike_length_each_give_what_they_can(tmp_path):
    codes = [random_codes("shanghai", 1, frames=n)[0] for n in (5, 9, 6)]
    write(tmp_path / "a.h5", "shanghai", {"test": codes})
    sequences = opened(tmp_path / "a.h5", cut=window(5, 2))
    assert [sequences.label(i) for i in range(len(sequences))] == [
        "test_0_00",
        "test_1_00",
        "test_1_02",
        "test_1_04",
        "test_2_00",
    ]


@pytest.mark.parametrize("name", VAL)
def test_the_file_s_own_validation_group_is_used_and_training_keeps_all(tmp_path, name):
    splits = {"train": random_codes(name, 4), VAL[name]: random_codes(name, 2, seed=1)}
    write(tmp_path / "a.h5", name, splits)
    train, val = (opened(tmp_path / "a.h5", name, s, window(FRAMES)) for s in ("train", "val"))
    assert (len(train), len(val)) == (4, 2)
    assert f"group '{VAL[name]}'" in val.source


def test_without_a_validation_group_the_end_of_the_training_is_held_out(tmp_path):
    write(tmp_path / "a.h5")
    cut = window(FRAMES)
    train, val, test = (
        opened(tmp_path / "a.h5", split=split, cut=cut, val_fraction=0.25, val_gap=2)
        for split in SPLITS
    )
    # 3 of 12 for validation, 2 before them left out, 7 to train on; the test is not touched
    assert [train.label(i) for i in (0, 6)] == ["train_0_00", "train_6_00"]
    assert [val.label(i) for i in range(len(val))] == ["train_9_00", "train_10_00", "train_11_00"]
    assert (len(train), len(test)) == (7, 3)


def test_frames_are_resized_to_the_model_s_size(tmp_path):
    codes = random_codes("meteonet", 1, size=(12, 24))
    write(tmp_path / "a.h5", "meteonet", {"test": codes})
    cut = window(FRAMES, size=(4, 8))
    sequences = opened(tmp_path / "a.h5", "meteonet", cut=cut)
    assert sequences.frame_shape == (4, 8)
    assert sequences.shapes == {"context": (2, 4, 8, 1), "truth": (FRAMES - 2, 4, 8, 1)}
    np.testing.assert_allclose(
        frames_of(sequences[0])[..., 0] * 90, codes[0][:, 1::3, 1::3], atol=1e-4
    )
    smooth = opened(tmp_path / "a.h5", "meteonet", cut=cut, antialias=True)
    assert smooth[0].truth.std() < sequences[0].truth.std()


def test_cikm_frames_are_padded_unless_the_settings_differ(tmp_path):
    write(tmp_path / "a.h5", "cikm")
    cut = window(FRAMES, size=(11, 11))
    padded = opened(tmp_path / "a.h5", "cikm", cut=cut)[0].truth
    assert not padded[:, [0, 9, 10]].any()
    assert padded[:, 1:9, 1:9].any()
    assert opened(tmp_path / "a.h5", "cikm", cut=cut, fit="resize")[0].truth[:, -1].any()


def test_a_file_without_counts_is_read_whole_and_one_with_fewer_only_so_far(tmp_path):
    write(tmp_path / "a.h5", counted=False)
    assert len(opened(tmp_path / "a.h5", cut=window(FRAMES))) == 3
    with h5py.File(tmp_path / "a.h5", "a") as file:
        file["test_len"] = 2  # the place of another set
    assert len(opened(tmp_path / "a.h5", cut=window(FRAMES))) == 2


def test_a_folder_with_one_file_stands_for_it(tmp_path):
    write(tmp_path / "set" / "a.h5")
    assert len(opened(tmp_path / "set", cut=window(FRAMES))) == 3


def test_times_follow_the_file_or_count_from_1970(tmp_path):
    write(tmp_path / "a.h5")
    with h5py.File(tmp_path / "a.h5", "a") as file:
        file["test/1"].attrs["first_frame_utc"] = "2016-07-11T20:45:00"
    sequences = opened(tmp_path / "a.h5", cut=window(5, 2), interval_minutes=10)
    # sample 4 begins at frame 2 of sequence 1: 20 minutes later
    expected = np.datetime64("2016-07-11T21:05") + 10 * np.arange(5).astype("m8[m]")
    np.testing.assert_array_equal(sequences.times(4), expected)
    assert (
        sequences.times(0).tolist() == (expected - (expected[0] - np.datetime64(0, "m"))).tolist()
    )


def test_the_source_names_scale_and_thresholds(tmp_path):
    write(tmp_path / "a.h5")
    sequences = opened(tmp_path / "a.h5", value_scale=80.0, thresholds=[15, 45])
    assert (sequences.value_scale, sequences.thresholds, sequences.unit) == (80, (15, 45), "dBZ")
    assert "(0..80 dBZ, thresholds 15, 45), test split" in sequences.source


def test_sequences_pickle_without_open_files_and_read_on(tmp_path):
    write(tmp_path / "a.h5")
    sequences = opened(tmp_path / "a.h5")
    expected = frames_of(sequences[3])
    copy = pickle.loads(pickle.dumps(sequences))
    np.testing.assert_array_equal(frames_of(copy[3]), expected)


def test_a_forked_process_opens_its_own_file(tmp_path):
    write(tmp_path / "a.h5")
    sequences = opened(tmp_path / "a.h5")
    expected = [frames_of(sample) for sample in sequences]
    child = os.fork()
    if child == 0:
        pairs = zip(sequences, expected, strict=True)
        same = all(np.array_equal(frames_of(sample), frames) for sample, frames in pairs)
        os._exit(0 if same and sequences._files._process == os.getpid() else 1)
    assert os.waitpid(child, 0)[1] == 0
    np.testing.assert_array_equal(frames_of(sequences[0]), expected[0])


@pytest.mark.skipif(not SHARED.is_dir(), reason="the real sequences are not here")
def test_the_real_file_has_the_splits_of_its_readme_and_the_known_persistence():
    path, cut = SHARED / "shanghai_like.h5", window(25, 25, (128, 128), context=5)
    splits = [opened(path, split=split, cut=cut, interval_minutes=5) for split in SPLITS]
    assert [len(split) for split in splits] == [40, 12, 24]
    test = splits[2]
    suite = NowcastSuite(("persistence",), test.thresholds, 90, (1,), range(5, 101, 5), test.unit)
    for i in range(len(test)):
        sample = test[i].batched()
        suite.update("persistence", persistence(sample.input.context, 20), sample.truth)
    scores = suite.result()["rows"]["persistence"]["scores"]
    # counted in grey codes at 57, 85, 100 and 114, the least that stand for 20, 30, 35, 40 dBZ
    found = [scores[f"csi_{threshold}"]["overall"] for threshold in (20, 30, 35, 40)]
    assert found == pytest.approx([0.2229, 0.1312, 0.0601, 0.0220], abs=1e-4)


@pytest.mark.skipif(not SHARED.is_dir(), reason="the real sequences are not here")
def test_whole_dbz_and_grey_codes_of_the_same_real_sequence_mean_the_same():
    # meteonet_like holds every 4th sequence of shanghai_like, in whole dBZ
    cut = window(25, 25, (128, 128))
    dbz = opened(SHARED / "meteonet_like.h5", "meteonet", cut=cut)
    grey = opened(SHARED / "shanghai_like.h5", cut=cut)
    assert len(dbz) == 6
    assert (
        np.abs(frames_of(dbz[1]) - frames_of(grey[4])).max() * 90 <= 0.5 + 90 / 255 / 2 + 1e-4
    )  # both roundings
