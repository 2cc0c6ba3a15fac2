import json

import h5py
import numpy as np
import pytest

from mindcast.cli import main
from tests.data.radar.sequences.sequence_sets import random_codes, write

CFG = "configs/smoke/prediff.yaml"  # any model: what is refused here is the data
SIZE, FRAMES = (32, 32), 9


@pytest.fixture
def path(tmp_path):
    """A healthy file, whose sequences suit the smoke settings: 5 frames of 32 x 32."""
    splits = {
        "train": random_codes("shanghai", 8, FRAMES, SIZE),
        "test": random_codes("shanghai", 2, FRAMES, SIZE),
    }
    write(tmp_path / "set.h5", "shanghai", splits)
    return tmp_path / "set.h5"


@pytest.fixture(autouse=True)
def _in_this_process(monkeypatch):
    # MindSpore's device is chosen once a process, the run's logger takes pytest's handlers away
    monkeypatch.setattr("mindcast.runtime.device.start", lambda *_: "CPU")
    monkeypatch.setattr("mindcast.runtime.logging.open_log", lambda path: None)


def refused(capsys, tmp_path, root, *words, mode="train", model=None, **data):
    """A run that must be refused in one line with these words; it leaves nothing and loses none."""
    before = {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
    tree = {"name": "shanghai", "root_dir": str(root), **data}
    given = [f"data={json.dumps(tree)}", *(f"model.{k}={v}" for k, v in (model or {}).items())]
    given.append("ckpt_path=any.ckpt")  # a test needs a run or one; it is looked for after the data
    options = ["--cfg", CFG, "--mode", mode, "--device_target", "CPU", "--out", tmp_path / "run"]
    words_given = [word for one in given for word in ("--set", one)]
    assert main([str(option) for option in options] + words_given) == 2
    *bars, message = capsys.readouterr().err.splitlines()
    assert all("sequence" in bar for bar in filter(None, bars))
    assert message.startswith("mindcast: ")
    for word in words:
        assert str(word) in message
    assert before == {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}


def edited(path, change):
    with h5py.File(path, "a") as file:
        change(file)


def truncate(path):
    path.write_bytes(path.read_bytes()[:5000])
    return "not a readable HDF5 file"


def without_groups(path):
    edited(path, lambda file: [file.pop(name) for name in list(file)])
    return "found no group"


def without_a_sequence(path):
    edited(path, lambda file: [file[split].pop("1") for split in file])
    return "lacks the sequence '1'"


def of_another_shape(path):
    write(
        path, "shanghai", {split: [np.zeros((9, 32), np.uint8)] * 2 for split in ("train", "test")}
    )
    return "is (9, 32), expected a sequence (frames, height, width)"


def of_another_type(path):
    codes = [np.zeros((9, 32, 32), np.complex64)] * 2
    write(path, "shanghai", {split: codes for split in ("train", "test")})
    return "is complex64, expected uint8"


def in_dbz(path):
    codes = [codes // 4 for codes in random_codes("shanghai", 8, FRAMES, SIZE)]
    write(path, "shanghai", {split: codes for split in ("train", "test")})
    return "looks like dBZ"


def already_divided(path):
    codes = [codes / np.float32(255) for codes in random_codes("shanghai", 8, FRAMES, SIZE)]
    write(path, "shanghai", {split: codes for split in ("train", "test")})
    return "already divided into 0..1"


def with_nan(path):
    codes = [codes.astype(np.float32) for codes in random_codes("shanghai", 8, FRAMES, SIZE)]
    codes[0][0, 0, 0] = np.nan
    write(path, "shanghai", {split: codes for split in ("train", "test")})
    return "holds NaN or infinity"


def too_short(path):
    codes = random_codes("shanghai", 8, 4, SIZE)
    write(path, "shanghai", {split: codes for split in ("train", "test")})
    return "has 4 frames, the model takes 5"


def of_unequal_size(path):
    codes = [random_codes("shanghai", 1, FRAMES, (32, 32 + k))[0] for k in range(2)]
    write(path, "shanghai", {split: codes for split in ("train", "test")})
    return "all must be of one size"


DAMAGES = (
    truncate,
    without_groups,
    without_a_sequence,
    of_another_shape,
    of_another_type,
    in_dbz,
    already_divided,
    with_nan,
    too_short,
    of_unequal_size,
)


@pytest.mark.parametrize("mode", ["train", "test"])
@pytest.mark.parametrize("damage", DAMAGES, ids=lambda f: f.__name__)
def test_a_damaged_file_is_refused_before_any_work(tmp_path, capsys, path, damage, mode):
    words = damage(path)
    refused(capsys, tmp_path, path, path, words, mode=mode)


@pytest.mark.parametrize("mode", ["train", "test"])
def test_a_wrong_path_is_refused(tmp_path, capsys, mode):
    refused(capsys, tmp_path, tmp_path / "none.h5", "none.h5: no such file or folder", mode=mode)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"threshold": [20]}, "unknown key data.threshold; did you mean data.thresholds?"),
        ({"value_scale": "big"}, "data.value_scale = 'big'"),
        ({"thresholds": [20, 200]}, "not above value_scale = 90"),
        ({"val_fraction": 0}, "no sequence in the val split"),
        ({"val_fraction": 0.9}, "leave none to train on"),
        ({"name": "shangai"}, "data.name = 'shangai': unknown data set, expected one of shanghai"),
    ],
)
def test_settings_that_cannot_be_are_refused(tmp_path, capsys, path, data, words):
    refused(capsys, tmp_path, path, words, **data)


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ({"frame_size": "[30, 30]"}, "30 x 30 is not divisible by 4"),
        ({"target_frames": 7}, "has 9 frames, the model takes 10"),
    ],
)
def test_impossible_sizes_and_lengths_are_refused(tmp_path, capsys, path, model, words):
    refused(capsys, tmp_path, path, words, model=model)


def test_preparing_from_a_wrong_place_is_refused(tmp_path, capsys):
    prepare = {"source_dir": str(tmp_path / "none"), "physical_per_code": 0.4}
    words = "none: no such folder; set data.prepare.source_dir"
    refused(capsys, tmp_path, tmp_path / "new.h5", words, mode="prepare", prepare=prepare)
