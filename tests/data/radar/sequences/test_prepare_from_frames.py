import h5py
import numpy as np
import pytest
from PIL import Image

from mindcast.data import open_split, prepare
from mindcast.refusal import Refusal
from tests.data.radar.sequences.sequence_sets import settings, window

SHAPE = (6, 8)


@pytest.fixture
def source(tmp_path):
    folder = tmp_path / "frames"
    folder.mkdir()
    return folder


def draw(count, seed=0, shape=SHAPE):
    """Grey codes (count, H, W); frame k has code 100 + k in its corner."""
    codes = np.random.default_rng(seed).integers(0, 200, (count, *shape), dtype=np.uint8)
    codes[:, 0, 0] = 100 + np.arange(count)
    return codes


def save(path, frames):
    path.parent.mkdir(parents=True, exist_ok=True)
    pictures = [Image.fromarray(frame) for frame in frames]
    if path.suffix == ".gif":
        pictures[0].save(path, save_all=True, append_images=pictures[1:])
    else:
        pictures[0].save(path)


def save_each(folder, frames, suffix=".png"):
    for k, frame in enumerate(frames):
        save(folder / f"{k}{suffix}", [frame])


def made(source, name="shanghai", **changes):
    how = {"source_dir": str(source), "physical_per_code": 90 / 255, "length": 5, **changes}
    root = source.parent / "set.h5"
    prepare(settings(root, name, prepare=how))
    return root


def refusal(source, name="shanghai", **changes):
    with pytest.raises(Refusal) as caught:
        made(source, name, **changes)
    assert not (source.parent / "set.h5").exists()
    assert not list(source.parent.glob("*.part*"))
    message = str(caught.value)
    assert "\n" not in message
    return message


def stored(path, split):
    """Stored sequences of a group, by name, and where they came from."""
    with h5py.File(path) as file:
        group = file[split]
        names = [name for name in group if name != "all_len"]
        return [group[n][...] for n in names], [group[n].attrs["source"] for n in names]


def numbers(sequences):
    """The first frame of each sequence, told by its corner."""
    return [int(codes[0, 0, 0]) - 100 for codes in sequences]


def test_a_flat_folder_is_cut_in_order_with_gaps(source):
    frames = draw(40)
    save_each(source, frames)  # 10.png comes after 2.png
    path = made(source, stride=5, gap_frames=4, val_fraction=0.2, test_fraction=0.25)
    # 40 - 2 gaps of 4 = 32 to share: test 8, val 20 % of 24 = 5, train 19
    assert numbers(stored(path, "train")[0]) == [0, 5, 10]
    assert numbers(stored(path, "val")[0]) == [23]
    assert numbers(stored(path, "test")[0]) == [32]
    np.testing.assert_array_equal(stored(path, "val")[0][0], frames[23:28])
    assert stored(path, "val")[1] == ["frames from frame 23"]


def test_sub_folders_are_events_that_no_split_shares(source):
    for k in range(10):
        save_each(source / f"event{k}", draw(6, seed=k))
    path = made(source, stride=1, val_fraction=0.1, test_fraction=0.2)
    # test the last 2 of 10, val 10 % of 8, which is 1; 2 sequences of each
    events = {split: stored(path, split)[1] for split in ("train", "val", "test")}
    assert {s: len(e) for s, e in events.items()} == {"train": 14, "val": 2, "test": 4}
    assert set(events["test"]) == {f"event{k} from frame {i}" for k in (8, 9) for i in (0, 1)}


@pytest.mark.parametrize("suffix", [".npy", ".gif"])
def test_files_of_several_frames_are_events(source, suffix):
    for k in range(4):
        if suffix == ".npy":
            np.save(source / f"{k}.npy", draw(5, seed=k))
        else:
            save(source / f"{k}.gif", draw(5, seed=k))
    path = made(source)
    for split, k in (("train", 0), ("val", 2), ("test", 3)):
        np.testing.assert_array_equal(stored(path, split)[0][0], draw(5, seed=k))


def test_pictures_of_sixteen_bits_keep_their_codes(source):
    for k in range(4):
        codes = (draw(5, seed=k).astype(np.uint16)) * 256
        save_each(source / str(k), codes)
    path = made(source, physical_per_code=90 / 255 / 256)
    np.testing.assert_array_equal(stored(path, "train")[0][0], draw(5, seed=0))


def test_the_stated_mapping_gives_the_physical_values(source):
    codes = np.array([[10, 110, 200], [255, 64, 63]], np.float32)
    for k in range(3):
        np.save(source / f"{k}.npy", np.repeat(codes[None], 5, axis=0))
    how = {"physical_per_code": 0.5, "offset": -32.0, "missing_code": 255}
    path = made(source, "meteonet", **how)
    # dBZ = code / 2 - 32; 10 gives -27, which is no rain, 255 is missing, -0.5 rounds to 0
    np.testing.assert_array_equal(stored(path, "train")[0][0][0], [[0, 23, 68], [0, 0, 0]])
    with h5py.File(path) as file:
        assert int(file["train_len"][()]) == 1
    sequences = open_split(settings(path, "meteonet"), "test", window(5, size=(2, 3)))
    assert sequences[0].input.context[0, 0, 2, 0] * 90 == pytest.approx(68)


def test_grey_layouts_store_255_for_the_value_scale(source):
    for k in range(3):
        np.save(source / f"{k}.npy", np.full((5, 2, 2), 45.0, np.float32))
    path = made(source, "cikm", physical_per_code=1.0)
    with h5py.File(path) as file:
        # 45 of 90 dBZ: 127.5, rounded to the even 128
        assert (file["train/sample_1"][...] == 128).all()
        assert sorted(file) == ["test", "test_len", "train", "train_len", "valid", "valid_len"]


def test_the_rain_rule_starts_five_frames_before_a_wet_one(source):
    frames = np.zeros((80, *SHAPE), np.uint8)
    frames[12:52] = 50
    np.save(source / "a.npy", frames)
    np.save(source / "b.npy", frames)
    path = made(source, length=25, selection="rain", val_fraction=0.0, test_fraction=0.5)
    # frame 10 dry; 15 wet: from 10. Training goes on at 30 (from 25), 45 (40), 60 (dry); the test
    # at 20, 25, ... 50 (from 45), then dry. A sequence from 55 would need 80 frames and one more.
    with h5py.File(path) as file:
        wet_from = {
            split: [int(file[split][str(k)].attrs["source"].split()[-1]) for k in range(int(count))]
            for split in ("train", "test")
            for count in [file[split]["all_len"][()]]
        }
        assert "val" not in file
    assert wet_from == {"train": [10, 25, 40], "test": [10, 15, 20, 25, 30, 35, 40, 45]}


def test_a_folder_can_be_the_target_and_is_kept_when_asked_for_again(source):
    for k in range(3):
        np.save(source / f"{k}.npy", draw(5, seed=k))
    root = source.parent / "set"
    how = {"source_dir": str(source), "physical_per_code": 0.3, "length": 5}
    wanted = settings(root, prepare=how)
    prepare(wanted)
    before = (root / "sequences.h5").stat().st_mtime_ns
    prepare(wanted)
    assert (root / "sequences.h5").stat().st_mtime_ns == before
    assert len(open_split(wanted, "test", window(5, size=SHAPE))) == 1
    other = settings(root, prepare={**how, "offset": 1.0})
    with pytest.raises(Refusal, match=r"sequences\.h5: holds something else than this"):
        prepare(other)


def test_a_set_needs_to_know_its_frames(tmp_path):
    with pytest.raises(Refusal, match=r"data\.prepare is missing; give data\.prepare\.source_dir"):
        prepare(settings(tmp_path))


def test_a_missing_folder_is_refused(source):
    assert "none: no such folder; set data.prepare.source_dir" in refusal(source / "none")


def test_a_folder_without_frames_is_refused(source):
    (source / "readme.txt").write_text("frames")
    assert "frames: no frames, expected .npy, .png, .gif files or sub-folders" in refusal(source)


def test_frames_beside_sub_folders_are_refused(source):
    save_each(source, draw(2))
    save_each(source / "event", draw(2))
    assert "holds sub-folders and frames (event, 0.png)" in refusal(source)


def test_single_frames_beside_series_are_refused(source):
    np.save(source / "a.npy", draw(5))
    np.save(source / "b.npy", draw(5)[0])
    assert "a.npy holds 5 frames, b.npy one; put the frames" in refusal(source)


def test_frames_of_unequal_size_are_refused(source):
    save_each(source, draw(4))
    save(source / "4.png", draw(1, shape=(6, 9)))
    assert "4.png: has frames of 6 x 9, 0.png has 6 x 8; all must be" in refusal(source)


def test_coloured_pictures_are_refused(source):
    for k in range(8):
        Image.fromarray(np.full((*SHAPE, 3), (255, 0, k), np.uint8)).save(source / f"{k}.png")
    few = {"gap_frames": 0, "length": 1, "val_fraction": 0}
    assert "0.png: frame 0 is coloured, expected grey values" in refusal(source, **few)


@pytest.mark.parametrize("name", ["a.npy", "a.png", "a.gif"])
def test_files_that_are_something_else_are_refused(source, name):
    (source / name).write_text("radar")
    kind = "not a readable .npy array" if name == "a.npy" else "not a readable picture"
    assert f"{name}: {kind}" in refusal(source)


def test_a_truncated_picture_is_refused(source):
    save_each(source / "a", draw(5, shape=(64, 64)))
    save_each(source / "b", draw(5, shape=(64, 64)))
    path = source / "a" / "0.png"
    path.write_bytes(path.read_bytes()[:200])
    few = {"val_fraction": 0}
    assert "0.png: frame 0 cannot be read" in refusal(source, **few)


def test_arrays_of_text_or_of_another_shape_are_refused(source):
    np.save(source / "a.npy", np.array(["rain"]))
    assert "a.npy: holds <U4, expected numbers" in refusal(source)
    np.save(source / "b.npy", np.zeros((2, 3, 4, 5)))
    (source / "a.npy").unlink()
    assert "b.npy: has shape (2, 3, 4, 5), expected (H, W) or (frames, H, W)" in refusal(source)


def test_nan_is_refused(source):
    for k in range(3):
        codes = draw(5, seed=k).astype(np.float32)
        codes[2, 1, 1] = np.nan
        np.save(source / f"{k}.npy", codes)
    assert "0.npy: frame 2 holds NaN or infinity" in refusal(source)


def test_a_mapping_that_leaves_the_scale_is_refused(source):
    for k in range(3):
        np.save(source / f"{k}.npy", np.full((5, 2, 2), 200, np.uint8))
    message = refusal(source, physical_per_code=0.5)
    assert "0.npy: frame 0 reaches 100 with data.prepare.physical_per_code = 0.5" in message
    assert "expected at most data.value_scale = 90; fix the mapping" in message


def test_a_split_that_stays_empty_is_refused(source):
    np.save(source / "a.npy", draw(12))
    message = refusal(source, gap_frames=0, val_fraction=0.1, test_fraction=0.5)
    assert "the val split has no sequence of 5 frames (selection 'all')" in message


# -- times in the names -------------------------------------------------------------------------


def save_at(folder, minutes, first=0):
    """Frames named by their time; frame k holds 100 + k in its corner."""
    folder.mkdir(parents=True, exist_ok=True)
    for k, minute in enumerate(minutes):
        time = np.datetime64("2020-07-01T00:00") + np.timedelta64(minute, "m")
        name = str(time).replace("-", "").replace(":", "").replace("T", "_")
        np.save(folder / f"radar_{name}.npy", draw(len(minutes))[k])


def test_no_sequence_reaches_across_a_gap_and_the_names_give_the_times(source, capsys):
    save_at(source, [6 * k for k in range(12)] + [720 + 6 * k for k in range(6)])
    path = made(source, stride=1, val_fraction=0.0, test_fraction=0.0)
    # 12 - 5 + 1 before the gap, 6 - 5 + 1 after it
    assert numbers(stored(path, "train")[0]) == [*range(8), 12, 13]
    with h5py.File(path) as file:
        times = [file[f"train/{k}"].attrs["first_frame_utc"] for k in (0, 8)]
    assert times == ["2020-07-01T00:00:00", "2020-07-01T12:00:00"]
    said = capsys.readouterr().err
    assert "frames are missing at 1 places" in said
    assert "radar_20200701_0106.npy and radar_20200701_1200.npy" in said


def test_a_set_made_from_frames_with_times_is_read_with_their_interval_only(source):
    save_at(source, [6 * k for k in range(12)])
    path = made(source, val_fraction=0.0, test_fraction=0.0)
    whole = settings(path, val_fraction=0.0)
    assert len(open_split(whole, "train", window(5, size=SHAPE)))
    with pytest.raises(Refusal, match=r"6 minutes apart, .*; set data\.interval_minutes=6"):
        open_split(settings(path, interval_minutes=5), "train", window(5, size=SHAPE))


def test_times_that_step_otherwise_are_refused_unless_they_are_not_looked_at(source):
    save_at(source, [5 * k for k in range(20)])
    words = "frames are 5 minutes apart, expected data.interval_minutes = 6"
    assert words in refusal(source)
    few = {"gap_frames": 0, "val_fraction": 0, "test_fraction": 0}
    path = made(source, times_in_names=False, **few)
    assert len(stored(path, "train")[0]) == 4


# -- what a source can hold ---------------------------------------------------------------------


def test_nan_can_be_named_as_missing(source):
    codes = np.full((5, 2, 2), 30.0)
    codes[:, 0, 0] = np.nan
    for k in range(3):
        np.save(source / f"{k}.npy", codes)
    path = made(source, "meteonet", physical_per_code=1, missing_code="nan")
    np.testing.assert_array_equal(stored_dbz(path), [[0, 30], [30, 30]])


def stored_dbz(path):
    with h5py.File(path) as file:
        return file["train/0"][0]


def test_frames_on_the_last_axis_are_refused_or_read_as_said(source):
    frames = draw(5, shape=(8, 8))
    for k in range(3):
        np.save(source / f"{k}.npy", np.moveaxis(frames, 0, -1))
    message = refusal(source)
    assert "0.npy: has shape (8, 8, 5), which does not look like (frames, H, W)" in message
    path = made(source, axes="hwt")
    np.testing.assert_array_equal(stored(path, "train")[0][0], frames)


def test_an_archive_of_arrays_is_no_array(source):
    with (source / "a.npy").open("wb") as file:
        np.savez(file, a=draw(5))
    assert "a.npy: holds several arrays (.npz), expected one" in refusal(source)


# -- again --------------------------------------------------------------------------------------


def test_a_source_that_has_changed_since_is_refused(source):
    for k in range(3):
        np.save(source / f"{k}.npy", draw(5, seed=k))
    path = made(source)
    before = path.read_bytes()
    made(source)
    np.save(source / "3.npy", draw(5, seed=3))
    with pytest.raises(Refusal, match=r"set\.h5: was made from .*frames before that changed"):
        made(source)
    assert path.read_bytes() == before


def test_a_set_made_before_sources_were_compared_is_kept_with_a_word(source, capsys):
    for k in range(3):
        np.save(source / f"{k}.npy", draw(5, seed=k))
    path = made(source)
    with h5py.File(path, "a") as file:
        del file.attrs["source_state"]
        recipe = file.attrs["recipe"]
    assert "times_in_names" not in recipe  # as before there was this setting
    before = path.read_bytes()
    made(source)
    assert path.read_bytes() == before
    assert "set.h5: kept as it is; it cannot be compared with" in capsys.readouterr().err


def test_a_source_that_is_gone_keeps_the_set(source, capsys):
    for k in range(3):
        np.save(source / f"{k}.npy", draw(5, seed=k))
    made(source)
    source.rename(source.parent / "elsewhere")
    made(source)
    assert "kept as it is; it cannot be compared" in capsys.readouterr().err
