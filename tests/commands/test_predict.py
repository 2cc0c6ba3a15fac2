import json
import os
import shutil
from types import SimpleNamespace

import numpy as np
import pytest
import xarray

from mindcast import cli, load_forecaster
from mindcast.commands import predict
from mindcast.refusal import Refusal
from tests.api.test_nowcaster import codes

FRAMES = 3
STATED = (
    "--set",
    "input.unit=VIL",
    "--set",
    "input.last_time=2020-07-01 12:20",
    "--set",
    "evaluation.figures=0",
)


@pytest.fixture
def place(tmp_path, nowcast_run):
    """A folder with a copy of the run and the frames of a user."""
    run = tmp_path / "run"
    shutil.copytree(nowcast_run, run)
    frames = codes(FRAMES)
    frames[-1, 0, :3] = np.nan
    np.save(tmp_path / "frames.npy", frames)
    return SimpleNamespace(path=tmp_path, run=run, frames=frames, input=tmp_path / "frames.npy")


def predicted(place, *options, out=True):
    """The command line within this process; its exit code."""
    where = ("--out", place.run) if out else ()
    words = ("--device_target", "CPU", "--mode", "predict", *where, "--input", place.input)
    return cli.main([str(word) for word in (*words, *STATED, *options)])


def refused(place, capsys, *options, out=True):
    before = contents(place.path)
    assert predicted(place, *options, out=out) == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert contents(place.path) == before
    return told.removeprefix("mindcast: ").strip()


def contents(folder):
    return {p.relative_to(folder): p.stat().st_mtime_ns for p in folder.rglob("*")}


def test_a_forecast_lies_in_the_run_under_the_time_of_the_last_frame(place, capsys):
    assert predicted(place, "--members", "3", "--steps", "1", "--seed", "4") == 0
    told = capsys.readouterr().out
    folder = place.run / "forecasts" / "20200701T1220"
    assert sorted(p.name for p in folder.iterdir()) == ["diffcast.nc", "forecast.json"]
    assert f"forecast: {folder / 'diffcast.nc'}" in told
    assert "note: " in told
    assert told.splitlines()[-1].startswith("seconds: ")
    record = json.loads((folder / "forecast.json").read_text())
    parts = {"read", "start", "load", "compile", "sample", "write", "draw"}
    assert set(record["seconds"]) == parts
    assert (record["members"], record["steps"], record["seed"]) == (3, 1, 4)
    assert record["input"] == [str(place.input)]
    assert all(len(origin["sha256"]) == 64 for origin in record["checkpoints"].values())
    with xarray.open_dataset(folder / "diffcast.nc", engine="h5netcdf") as made:
        values = made["vil_code"]
        assert values.sizes["realization"] == 3
        assert made.time.values[0] == np.datetime64("2020-07-01T12:30")
        missing = np.isnan(values.values)
        assert missing[..., 0, :3].all()
        # and what the motion, 2 columns a frame, carries from there: 3 + 2k of the row
        assert missing[:, :, 0].sum(axis=-1).tolist() == [[5, 7, 9, 11, 13, 15]] * 3
        assert not missing[:, :, 1:].any()


def test_python_makes_the_same_forecast(place):
    assert predicted(place, "--members", "3", "--seed", "4", "--to", place.path / "made") == 0
    nowcaster = load_forecaster(place.run, device="CPU")
    ours = nowcaster.forecast(place.frames, unit="VIL", members=3, seed=4)
    with xarray.open_dataset(place.path / "made" / "diffcast.nc", engine="h5netcdf") as made:
        np.testing.assert_array_equal(made["vil_code"].values, ours.values)


def test_each_method_that_is_wanted_gets_its_file(place):
    to = place.path / "both"
    wanted = "evaluation.methods=[advection,diffcast]"
    assert predicted(place, "--set", wanted, "--to", to) == 0
    assert {p.name for p in to.glob("*.nc")} == {"advection.nc", "diffcast.nc"}
    with xarray.open_dataset(to / "advection.nc", engine="h5netcdf") as made:
        assert made["vil_code"].dims == ("time", "y", "x")


@pytest.mark.parametrize("named", ["checkpoints", "checkpoints/joint_best.ckpt"])
def test_a_checkpoint_alone_holds_all_that_a_forecast_takes(place, named, monkeypatch):
    monkeypatch.chdir(place.path)
    assert predicted(place, "--to", "a", "--members", "1") == 0
    (place.run / "config.yaml").unlink()
    checkpoint = f"ckpt_path={place.run / named}"
    assert predicted(place, "--set", checkpoint, "--members", "1", out=False) == 0
    ours, theirs = "forecasts/20200701T1220/diffcast.nc", "a/diffcast.nc"
    with (
        xarray.open_dataset(ours, engine="h5netcdf") as one,
        xarray.open_dataset(theirs, engine="h5netcdf") as other,
    ):
        np.testing.assert_array_equal(one["vil_code"].values, other["vil_code"].values)


def test_what_is_there_is_kept(place, capsys):
    assert predicted(place, "--members", "1") == 0
    capsys.readouterr()
    folder = place.run / "forecasts" / "20200701T1220"
    told = refused(place, capsys, "--members", "1")
    assert told == f"--to {folder}: holds a forecast already; choose another --to"
    told = refused(place, capsys, "--to", place.input)
    assert told == f"--to {place.input}: is a file, expected a folder; choose another --to"


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--input", "nothing.npy"], "--input nothing.npy: no such file; give a file, a folder"),
        (["--at", "yesterday"], "--at: 'yesterday' is not a date; write it like 2019-06-01"),
        (["--at", "2020-07-01 13:00"], "--at 2020-07-01T13:00:00: no frame of that time"),
        (["--set", "input.unit=dBZ"], "which are no dBZ"),
        (["--members", "0"], "sampling.members = 0"),
        (["--steps", "1000"], "steps"),
        (["--set", "evaluation.methods=[steps]"], "evaluation.methods: 'steps' cannot be made"),
        (["--set", "data.value_scale=3"], "unknown key data.value_scale"),
        (["--set", "data={name: temperature, root_dir: x}"], "is for the task 'downscale'"),
        (["--set", "model.patch=4"], "was made with model.patch = 2, not 4"),
        (["--set", "ckpt_path=nowhere"], "nowhere: no such file or folder"),
    ],
)
def test_what_does_not_fit_is_refused_and_leaves_nothing(place, capsys, options, told):
    assert told in refused(place, capsys, *options)


def test_too_few_frames_are_refused(place, capsys):
    np.save(place.input, place.frames[:2])
    assert "2 frames up to" in refused(place, capsys)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--mode", "predict"], "--mode predict: needs --input"),
        (["--mode", "predict", "--input", "a", "--resume", "--out", "b"], "--resume: a prediction"),
        (["--mode", "predict", "--input", "a", "--stage", "joint"], "--stage: a prediction takes"),
        (["--mode", "predict", "--input", "a", "--devices", "2"], "works in one process"),
        (["--mode", "predict", "--input", "a", "--to", " "], "--to ' ': is empty"),
        (["--mode", "test", "--input", "a"], "--input: is for --mode predict, not for --mode test"),
        (["--to", "a"], "--to: is for --mode predict and convert, not for --mode train"),
        (["--at", "2020-01-01"], "--at: is for --mode predict, not for --mode train"),
    ],
)
def test_options_that_make_no_sense_together_are_refused(options, told):
    with pytest.raises(Refusal) as caught:
        cli.parse(options)
    assert told in str(caught.value)


def test_without_a_run_or_a_checkpoint_the_way_is_told(place, capsys):
    told = refused(place, capsys, out=False)
    assert told == (
        "--mode predict: name a run with --out, or a checkpoint with --set ckpt_path=FILE"
    )
    place.run = place.path / "rnu"
    assert refused(place, capsys).endswith(f"no such run, did you mean {place.path / 'run'}?")


def test_an_interrupt_leaves_nothing_that_could_be_taken_for_a_forecast(place, monkeypatch):
    made = []

    def interrupted(self, *arguments, **options):
        if made:
            raise KeyboardInterrupt
        made.append(original(self, *arguments, **options))
        return made[-1]

    from mindcast.models.diffcast.forecaster import DiffCastForecaster

    original = DiffCastForecaster.forecast
    monkeypatch.setattr(DiffCastForecaster, "forecast", interrupted)
    before = contents(place.path)
    assert predicted(place, "--members", "4", "--to", place.path / "new") == 130
    assert made
    assert contents(place.path).keys() == before.keys()


def test_a_place_in_use_is_left_alone(place, capsys):
    from mindcast.runtime.run_lock import locked

    folder = place.path / "new"
    folder.mkdir()
    with locked(folder, "new", "wait"):
        assert predicted(place, "--to", folder, "--members", "1") == 2
        assert f"--to {folder}: is in use by process {os.getpid()}" in capsys.readouterr().err
    assert not list(folder.glob("*.nc"))


def test_a_time_of_a_zone_is_taken_as_utc():
    request = SimpleNamespace(at="2020-07-01T14:20+02:00")
    assert predict._time(request) == np.datetime64("2020-07-01T12:20:00")
