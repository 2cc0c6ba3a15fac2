import os
import pickle
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest

from mindcast.data import open_split
from mindcast.data.radar.archive.event_files import EventFiles
from tests.data.radar.archive import archives
from tests.data.radar.archive.archives import FRAMES, SIZE, row, settings, window, write_archive
from tests.data.radar.windows import frames_of

SHARED = Path(__file__).parents[5] / "shared" / "data" / "sevir_lr_like"


def ids(sequences):
    return [event.id for event in sequences.events]


def catalogue_of(root, *rows):
    archives.write_catalogue(root, rows)
    archives.write_events(root, archives.random_events(8))
    return open_split(settings(root), "train", window())


def test_samples_are_the_pieces_of_the_events_in_order(tmp_path):
    codes = write_archive(tmp_path)
    sequences = open_split(settings(tmp_path), "train", window(length=4, stride=3))
    # 10 frames: pieces start at 0, 3, 6, so 1 + (10 - 4) // 3 = 3 an event
    assert len(sequences) == 4 * 3
    sample = sequences[7]  # event 2, piece 1
    expected = codes[2, :, :, 3:7].transpose(2, 0, 1)[..., None].astype(np.float32) / 255
    assert sample.truth.dtype == np.float32
    np.testing.assert_array_equal(sample.input.context, expected[:2])
    np.testing.assert_array_equal(sample.truth, expected[2:])
    assert {name: a.shape for name, a in sample.named.items()} == sequences.shapes
    assert sequences.label(7) == "E2_03"


def test_a_split_can_be_walked_through_to_its_end(tmp_path):
    write_archive(tmp_path, 2)
    sequences = open_split(settings(tmp_path), "train", window())
    assert len(list(sequences)) == len(sequences)
    with pytest.raises(IndexError):
        sequences[-1]


def test_the_face_holds_what_the_report_needs(tmp_path):
    write_archive(tmp_path)
    sequences = open_split(settings(tmp_path), "train", window())
    assert sequences.keys.dtype == np.int64
    np.testing.assert_array_equal(sequences.keys, np.arange(12))
    assert sequences.frame_shape == (SIZE, SIZE)
    assert sequences.interval_minutes == 10
    assert sequences.thresholds == (16, 74, 133, 160, 181, 219)
    assert str(tmp_path) in sequences.source
    assert "train split" in sequences.source
    assert "4 events, 12 sequences" in sequences.source


def test_scaled_samples_go_back_to_codes_by_the_value_scale(tmp_path):
    codes = write_archive(tmp_path)
    sequences = open_split(settings(tmp_path), "train", window())
    back = frames_of(sequences[0]) * sequences.value_scale
    np.testing.assert_allclose(back[..., 0], codes[0, ..., :4].transpose(2, 0, 1), atol=1e-4)


def test_events_are_ordered_by_id_not_by_row(tmp_path):
    assert ids(catalogue_of(tmp_path, row("B", 0), row("C", 1), row("A", 2))) == ["A", "B", "C"]


def test_events_with_missing_pixels_or_unknown_share_are_left_out(tmp_path):
    assert ids(catalogue_of(tmp_path, row("A", pct=1.5), row("B"), row("C", pct=""))) == ["B"]


def test_an_id_that_occurs_twice_is_left_out_altogether(tmp_path):
    assert ids(catalogue_of(tmp_path, row("A", 0), row("A", 1), row("B", 2))) == ["B"]


def test_a_second_row_counts_only_if_it_passed_the_other_filters(tmp_path):
    # order of selection: dates, missing share, type, then duplicates
    rows = row("A", 0), row("A", 1, pct=2.0), row("A", 1, image_type="ir069")
    assert ids(catalogue_of(tmp_path, *rows)) == ["A"]


def test_the_split_date_itself_is_training(tmp_path):
    write_archive(tmp_path)
    date = {"train_test_split_date": "2019-01-02 12:00:00"}
    assert ids(open_split(settings(tmp_path, **date), "train", window())) == ["E0", "E1"]
    assert ids(open_split(settings(tmp_path, **date), "test", window())) == ["E2", "E3"]


def test_start_is_exclusive_and_end_inclusive(tmp_path):
    write_archive(tmp_path, 6)
    dates = settings(
        tmp_path,
        start_date="2019-01-01 12:00:00",
        train_test_split_date="2019-01-03",
        end_date="2019-01-05 12:00:00",
    )
    assert ids(open_split(dates, "train", window())) == ["E1"]
    assert ids(open_split(dates, "test", window())) == ["E2", "E3", "E4"]


def test_validation_by_date_is_the_last_part_before_the_split(tmp_path):
    write_archive(tmp_path, 6)
    dates = settings(tmp_path, val_start_date="2019-01-03", train_test_split_date="2019-01-05")
    assert ids(open_split(dates, "train", window())) == ["E0", "E1"]
    assert ids(open_split(dates, "val", window())) == ["E2", "E3"]
    assert ids(open_split(dates, "test", window())) == ["E4", "E5"]


def test_validation_by_draw_takes_whole_events_and_repeats(tmp_path):
    write_archive(tmp_path, 20)
    drawn = settings(tmp_path, val_fraction=0.25, val_seed=1)
    train, val = (ids(open_split(drawn, split, window())) for split in ("train", "val"))
    assert len(val) == 5
    assert sorted(train + val) == sorted(f"E{i}" for i in range(20))
    assert val == ids(open_split(drawn, "val", window()))
    other = settings(tmp_path, val_fraction=0.25, val_seed=2)
    assert val != ids(open_split(other, "val", window()))


def test_a_small_share_still_validates_on_one_event(tmp_path):
    write_archive(tmp_path, 3)
    assert len(ids(open_split(settings(tmp_path, val_fraction=0.1), "val", window()))) == 1


def test_times_without_offsets_put_the_catalogue_time_on_the_middle_frame(tmp_path):
    sequences = catalogue_of(tmp_path, row("A", time="2019-01-01 12:00:00"))
    # 10 frames: frame 5 is the middle, piece 1 starts at frame 3, 20 minutes before it
    expected = np.datetime64("2019-01-01T11:40") + np.arange(4) * np.timedelta64(10, "m")
    np.testing.assert_array_equal(sequences.times(1), expected)
    assert sequences.times(1).dtype == np.dtype("datetime64[m]")


@pytest.mark.parametrize(
    ("offsets", "first"),
    [
        (":".join(str(i * 10 - 45) for i in range(10)), "11:15"),  # as they stand
        (":".join(str(i * 5 - 45.2) for i in range(19)), "11:15"),  # made before thinning by two
        (":".join(str(i * 10 - 45 + i % 2) for i in range(10)), "11:16"),  # rounded to minutes
        ("unknown", "11:10"),  # frame 5 of 10 is the middle
    ],
)
def test_times_follow_the_offsets_of_the_catalogue(tmp_path, offsets, first):
    sequences = catalogue_of(tmp_path, {**row("A"), "minute_offsets": offsets})
    start = np.datetime64(f"2019-01-01T{first}")
    expected = start + np.arange(4) * np.timedelta64(10, "m")
    np.testing.assert_array_equal(sequences.times(0), expected)


def test_catalogue_times_with_a_zone_are_read_as_utc(tmp_path):
    sequences = catalogue_of(tmp_path, row("A", time="2019-01-01 12:00:00+02:00"))
    assert sequences.events[0].time == datetime(2019, 1, 1, 10)


def test_sequences_pickle_without_open_files_and_read_on(tmp_path):
    write_archive(tmp_path)
    sequences = open_split(settings(tmp_path), "train", window())
    expected = frames_of(sequences[5])
    copy = pickle.loads(pickle.dumps(sequences))
    np.testing.assert_array_equal(frames_of(copy[5]), expected)


def test_no_more_files_are_open_than_allowed(tmp_path):
    for i in range(4):
        archives.write_events(tmp_path, archives.random_events(1), f"{i}.h5")
    files = EventFiles("vil", (SIZE, SIZE, FRAMES), limit=2)
    before = len(os.listdir("/proc/self/fd"))
    for i in (0, 1, 2, 3, 0, 1):
        files.read(tmp_path / "data" / f"{i}.h5", 0, slice(0, 1))
    assert len(os.listdir("/proc/self/fd")) == before + 2
    files.close()
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_forked_process_opens_its_own_files(tmp_path):
    write_archive(tmp_path)
    sequences = open_split(settings(tmp_path), "train", window())
    expected = [frames_of(sample) for sample in sequences]
    child = os.fork()
    if child == 0:
        pairs = zip(sequences, expected, strict=True)
        same = all(np.array_equal(frames_of(sample), frames) for sample, frames in pairs)
        own = sequences._files._process == os.getpid()
        os._exit(0 if same and own else 1)
    for i, frames in enumerate(expected):
        np.testing.assert_array_equal(frames_of(sequences[i]), frames)
    assert os.waitpid(child, 0)[1] == 0


def sizes(**changes):
    if not SHARED.is_dir():
        pytest.skip("../shared/data/sevir_lr_like is absent")
    like = settings(
        SHARED,
        frame_size=(128, 128),
        frames_per_event=25,
        train_test_split_date="2020-10-31 07:00:00",
        **changes,
    )
    cut = window(length=13, stride=6, size=128, context=7)
    return {split: open_split(like, split, cut) for split in ("train", "val", "test")}


def test_the_real_archive_has_the_sizes_of_its_readme_with_a_date_for_validation():
    splits = sizes(val_start_date="2015-01-01")
    assert {name: len(split) for name, split in splits.items()} == {
        "train": 120,
        "val": 18,
        "test": 18,
    }
    sample = splits["test"][4]
    assert (sample.input.context.shape, sample.truth.shape) == ((7, 128, 128, 1), (6, 128, 128, 1))
    assert 0.5 < sample.truth.max() <= 1


def test_the_real_archive_has_the_sizes_of_its_readme_with_a_draw_for_validation():
    splits = sizes(val_fraction=0.1)
    assert len(splits["train"]) + len(splits["val"]) == 138
    assert len(splits["val"]) == 15  # 10 % of 46 events is 5 events of 3 pieces
    assert len(splits["test"]) == 18
