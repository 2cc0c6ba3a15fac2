import json
import os
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

from mindcast.cli import main
from mindcast.weights.mindspore_file import write_entries
from tests.data.radar.archive import archives
from tests.data.radar.archive.archives import row, write_catalogue, write_events

CFG = "configs/smoke/prediff.yaml"
SIZE, FRAMES = 32, 9
ARCHIVE = {"name": "sevir_lr", "frame_size": [SIZE, SIZE], "frames_per_event": FRAMES}
DATES = ("2019-01-01", "2019-02-01", "2019-03-01", "2019-04-01", "2019-05-01", "2019-07-01")

# Run by a fresh interpreter: every command line of the list, then what it cost.
PROBE = """
import json, sys, time
from mindcast.cli import main
from mindcast.weights.mindspore_file import write_entries
for arguments in json.loads(sys.argv[1]):
    start = time.perf_counter()
    code = main(arguments)
    print(json.dumps([code, "mindspore" in sys.modules, time.perf_counter() - start]))
"""


@pytest.fixture
def archive(tmp_path):
    """A healthy archive of six events: five before the split date, one after it."""
    root = tmp_path / "archive"
    write_events(root, archives.random_events(len(DATES), SIZE, FRAMES))
    write_catalogue(root, [row(f"E{i}", i, f"{day} 12:00:00") for i, day in enumerate(DATES)])
    return root


@pytest.fixture(autouse=True)
def _in_this_process(monkeypatch):
    # MindSpore's device is chosen once a process, the run's logger takes pytest's handlers away
    monkeypatch.setattr("mindcast.runtime.device.start", lambda *_: "CPU")
    monkeypatch.setattr("mindcast.runtime.logging.open_log", lambda path: None)


def line(tmp_path, root=None, mode="train", **changes):
    """A command line over `root` (or the synthetic data) that would work but for `changes`."""
    data = {**ARCHIVE, "root_dir": str(root)} if root else {}
    settings = [f"data={json.dumps(data)}"] if root else [f"data.root_dir={tmp_path / 'data'}"]
    settings += [f"{key}={value}" for key, value in changes.items()]
    options = ["--cfg", CFG, "--mode", mode, "--device_target", "CPU", "--out", tmp_path / "run"]
    return [str(o) for o in options] + [word for s in settings for word in ("--set", s)]


def changed(**dotted):
    """Keyword arguments stand for keys with dots: data__val_fraction is data.val_fraction."""
    return {key.replace("__", "."): value for key, value in dotted.items()}


def contents(folder):
    return {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def refused(capsys, tmp_path, arguments, *words, leaves_nothing=True):
    """Run a command line that must be refused in one line with these words, and lose nothing."""
    before = contents(tmp_path)
    assert main(arguments) == 2
    *bars, message = capsys.readouterr().err.splitlines()
    assert all("%|" in bar for bar in filter(None, bars))
    assert message.startswith("mindcast: ")
    for word in words:
        assert str(word) in message
    after = contents(tmp_path)
    assert before.items() <= after.items()
    if leaves_nothing:
        assert before.keys() == after.keys()
    return message


# -- settings ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"model__denoiser__base_unit": 8}, ["unknown key model.denoiser.base_unit", "base_units"]),
        ({"sampling__steps": "many"}, ["sampling.steps = 'many'", "integer"]),
        ({"training__vae__learning_rate": "[1]"}, ["training.vae.learning_rate", "number"]),
        ({"runtime__mode": "fast"}, ["runtime.mode = 'fast'", "graph"]),
        ({"model__name": "prediv"}, ["model.name = 'prediv'", "prediff"]),
        ({"data__name": "sevr"}, ["data.name = 'sevr'", "sevir"]),
        ({"model__frame_size": "[30, 30]"}, ["30 x 30 is not divisible by 4"]),
        ({"model__denoiser__heads": 5}, ["heads = 5 does not divide"]),
        ({"training__vae__micro_batch_size": 3}, ["total_batch_size = 4 is not a multiple"]),
        ({"data__val_start_date": "2020-01-01"}, ["val_start_date", "comes after"]),
        ({"sampling__sampler": "euler"}, ["sampling.sampler: 'euler', expected one of ddpm, ddim"]),
        ({"sampling__steps": 101}, ["sampling.steps: 101, expected 1 to 100"]),
        ({"ckpt_path": "nowhere.ckpt", "mode": "test"}, ["nowhere.ckpt: no such file or folder"]),
    ],
)
def test_settings_that_cannot_be_are_refused(tmp_path, capsys, archive, changes, words):
    changes = dict(changes)
    root = None if "data__name" in changes else archive
    mode = changes.pop("mode", "train")
    refused(capsys, tmp_path, line(tmp_path, root, mode, **changed(**changes)), *words)


def test_a_settings_file_that_is_not_there_is_refused(tmp_path, capsys):
    path = tmp_path / "none.yaml"
    refused(capsys, tmp_path, ["--cfg", str(path)], f"{path}: No such file")


def test_testing_where_no_run_is_is_refused(tmp_path, capsys, archive):
    refused(capsys, tmp_path, line(tmp_path, archive, "test"), "run: no such run", "--out")


def test_resuming_without_a_folder_or_a_run_is_refused(tmp_path, capsys, archive):
    refused(capsys, tmp_path, ["--cfg", CFG, "--resume"], "--resume: needs --out")
    refused(capsys, tmp_path, [*line(tmp_path, archive), "--resume"], "run: no such run")


# -- data -------------------------------------------------------------------------------------


def damage_catalogue(root):
    cut = {key: value for key, value in row("E0").items() if key != "time_utc"}
    write_catalogue(root, [cut])
    return "CATALOG.csv: column time_utc missing"


def remove_catalogue(root):
    (root / "CATALOG.csv").unlink()
    return "CATALOG.csv: cannot be read"


def remove_file(root):
    (root / "data" / archives.FILE).unlink()
    return "A.h5: no such file"


def truncate(root):
    path = root / "data" / archives.FILE
    path.write_bytes(path.read_bytes()[:5000])
    return "A.h5: not a readable HDF5 file"


def wrong_key(root):
    write_events(root, archives.random_events(6, SIZE, FRAMES), key="ir069")
    return "A.h5: no dataset 'vil', found ir069"


def wrong_shape(root):
    write_events(root, archives.random_events(6, SIZE, FRAMES + 1))
    return "vil has shape (6, 32, 32, 10), expected (events, 32, 32, 9)"


def wrong_type(root):
    write_events(root, archives.random_events(6, SIZE, FRAMES).astype(np.complex64))
    return "vil is complex64, expected uint8"


DAMAGES = (
    damage_catalogue,
    remove_catalogue,
    remove_file,
    truncate,
    wrong_key,
    wrong_shape,
    wrong_type,
)


@pytest.mark.parametrize("mode", ["train", "test"])
@pytest.mark.parametrize("damage", DAMAGES, ids=lambda f: f.__name__)
def test_damaged_data_are_refused_before_any_work(tmp_path, capsys, archive, damage, mode):
    words = damage(archive)
    # a test needs a run or a checkpoint, which is looked for after the data
    arguments = line(tmp_path, archive, mode, ckpt_path="any.ckpt")
    refused(capsys, tmp_path, arguments, archive, words)


@pytest.mark.parametrize(
    ("mode", "changes", "words"),
    [
        ("train", {"data.root_dir": "/nowhere/at/all"}, "/nowhere/at/all: no such folder"),
        ("train", {"data.train_test_split_date": "2018-06-01"}, "no event in the train split"),
        ("train", {"data.val_fraction": 0}, "no event in the val split"),
        (
            "test",
            {"data.end_date": "2019-06-15", "ckpt_path": "any.ckpt"},
            "no event in the test split",
        ),
        ("train", {"model.target_frames": 20}, "more frames than the event has"),
        ("train", {"model.frame_size": "[64, 64]"}, "the model is built for frames of 64 x 64"),
        (
            "train",
            {"training.alignment.total_batch_size": 64},
            "training.alignment.total_batch_size = 64: the train split has only",
        ),
    ],
)
def test_settings_that_do_not_fit_the_data_are_refused(
    tmp_path, capsys, archive, mode, changes, words
):
    refused(capsys, tmp_path, line(tmp_path, archive, mode, **changes), words)


def with_nan(archive):
    codes = archives.random_events(len(DATES), SIZE, FRAMES).astype(np.float32)
    codes[:, 3, 4] = np.nan
    write_events(archive, codes)


def test_nan_in_the_data_stops_a_training(tmp_path, capsys, archive):
    with_nan(archive)
    few = {"training.vae.total_batch_size": 5, "training.vae.micro_batch_size": 5}
    words = ("A.h5: event", "holds NaN or infinity")
    arguments = line(tmp_path, archive, **few)
    refused(capsys, tmp_path, arguments, *words, leaves_nothing=False)
    assert not (tmp_path / "run" / "checkpoints").exists()


def test_nan_in_the_data_stops_a_test(tmp_path, capsys, archive, checkpoints):
    with_nan(archive)
    words = ("A.h5: event", "holds NaN or infinity")
    arguments = line(tmp_path, archive, "test", ckpt_path=checkpoints)
    refused(capsys, tmp_path, arguments, *words, leaves_nothing=False)


# -- checkpoints ------------------------------------------------------------------------------


@pytest.fixture
def checkpoints(tmp_path):
    """Networks of the smoke settings, untrained, as checkpoints."""
    from mindcast.training import checkpoint
    from tests.contract.models import build_networks

    folder = tmp_path / "checkpoints"
    for stage, network in build_networks("prediff", ("vae", "diffusion")).items():
        about = {"model": "prediff", "stage": stage, "position": {"step": 1}, "total_steps": 1}
        checkpoint.save(folder / f"{stage}_best.ckpt", network.get_parameters(), about)
    return folder


def test_a_checkpoint_of_another_configuration_is_refused(tmp_path, capsys, archive, checkpoints):
    changes = {"ckpt_path": checkpoints, "model.denoiser.base_units": 32}
    words = ("diffusion_best.ckpt: a checkpoint of another configuration", "config.yaml")
    refused(capsys, tmp_path, line(tmp_path, archive, "test", **changes), *words)


def test_a_truncated_checkpoint_is_refused(tmp_path, capsys, archive, checkpoints):
    path = checkpoints / "vae_best.ckpt"
    path.write_bytes(path.read_bytes()[:-1000])
    arguments = line(tmp_path, archive, "test", ckpt_path=checkpoints)
    refused(capsys, tmp_path, arguments, f"{path}: not a whole checkpoint", "truncated")


def test_a_checkpoint_of_another_stage_is_refused(tmp_path, capsys, archive, checkpoints):
    path = checkpoints / "diffusion_best.ckpt"
    path.write_bytes((checkpoints / "vae_best.ckpt").read_bytes())
    arguments = line(tmp_path, archive, "test", ckpt_path=path)
    words = f"{path}: holds prediff/vae, expected prediff/diffusion"
    refused(capsys, tmp_path, arguments, words)


def test_a_checkpoint_that_hides_its_stage_is_refused(tmp_path, capsys, archive, checkpoints):
    path = checkpoints / "mine.ckpt"  # and inside it is of a stage of another model
    write_entries(path, {"x": np.zeros(2), "mindcast": '{"model": "geodiff", "stage": "unet"}'})
    arguments = line(tmp_path, archive, "test", ckpt_path=path)
    refused(capsys, tmp_path, arguments, f"{path}: its stage is unknown", "diffusion_")


def test_a_missing_checkpoint_is_refused(tmp_path, capsys, archive, checkpoints):
    path = checkpoints / "vae_best.ckpt"
    path.unlink()
    for mode, stage in (("test", "all"), ("train", "diffusion")):
        arguments = [*line(tmp_path, archive, mode, ckpt_path=checkpoints), "--stage", stage]
        refused(capsys, tmp_path, arguments, f"{path}: no such checkpoint")


def test_a_stage_whose_best_network_is_lost_is_not_left_out(tmp_path, capsys, archive, checkpoints):
    checkpoints.joinpath("vae_best.ckpt").rename(checkpoints / "alignment_last.ckpt")
    checkpoints.joinpath("vae_best.ckpt").write_bytes(b"")  # of no stage that may be missing
    arguments = line(tmp_path, archive, "test", ckpt_path=checkpoints)
    words = ("alignment_best.ckpt: no such checkpoint, though alignment_last.ckpt is there",)
    refused(capsys, tmp_path, arguments, *words, f"ckpt_path={checkpoints}/alignment_last.ckpt")


# -- places that cannot be written ------------------------------------------------------------


@pytest.fixture
def blocked(tmp_path):
    """A place where nothing can be made: root writes anywhere but below a file."""
    place = tmp_path / "blocked"
    if os.geteuid() == 0:
        place.write_text("")
    else:
        place.mkdir(mode=0o500)
    return place


def test_a_run_folder_that_cannot_be_made_is_refused(tmp_path, capsys, archive, blocked):
    arguments = [*line(tmp_path, archive), "--out", str(blocked / "run")]
    refused(capsys, tmp_path, arguments, f"{blocked / 'run'}: cannot make this folder")


def test_synthetic_data_that_cannot_be_written_are_refused(tmp_path, capsys, blocked):
    arguments = line(tmp_path, **{"data.root_dir": blocked / "data"})
    refused(capsys, tmp_path, arguments, f"{blocked / 'data'}: cannot be written")


def test_a_folder_with_other_things_is_left_alone(tmp_path, capsys, archive):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "thesis.txt").write_text("all of it")
    refused(capsys, tmp_path, line(tmp_path, archive), "is not empty", "choose another folder")


def test_preparing_into_the_source_is_refused(tmp_path, capsys, archive):
    prepare = {"source_dir": str(archive), "target_dir": str(archive)}
    arguments = line(tmp_path, archive, "prepare", **{"data.prepare": json.dumps(prepare)})
    refused(capsys, tmp_path, arguments, "is the source folder too")


# -- speed ------------------------------------------------------------------------------------


def test_refusals_that_need_no_mindspore_come_without_it_and_at_once(tmp_path, archive, blocked):
    truncated = tmp_path / "truncated"
    write_events(truncated, archives.random_events(1, SIZE, FRAMES))
    write_catalogue(truncated, [row("E0")])
    with h5py.File(truncated / "data" / archives.FILE, "a") as file:
        del file["vil"]
    lines = [
        ["--cfg", "none.yaml"],
        line(tmp_path, archive, **{"sampling.steps": "many"}),
        line(tmp_path, archive, **{"sampling.sampler": "euler"}),
        line(tmp_path, truncated, **{"data.val_fraction": 0.5}),
        line(tmp_path, archive, **{"data.val_fraction": 0}),
        line(tmp_path, archive, **{"training.diffusion.total_batch_size": 64}),
        line(tmp_path, archive, "test"),
        line(tmp_path, archive, "test", ckpt_path=tmp_path),
        [*line(tmp_path, archive), "--stage", "diffusion"],
        [*line(tmp_path, archive), "--out", str(blocked / "run")],
    ]
    probe = [sys.executable, "-c", PROBE, json.dumps(lines)]
    result = subprocess.run(
        probe, capture_output=True, text=True, check=False, cwd=Path(__file__).parents[1]
    )
    answers = [json.loads(text) for text in result.stdout.splitlines()]
    assert [(code, loaded) for code, loaded, _ in answers] == [(2, False)] * len(lines)
    assert result.stderr.count("\n") == len(lines)
    assert max(seconds for _, _, seconds in answers) < 2
