import csv
import io
import json
import logging
import shutil
import subprocess
import sys
from contextlib import contextmanager, redirect_stdout
from types import SimpleNamespace

import numpy as np
import pytest
import xarray

from mindcast import cli
from mindcast.models import MODELS, load_spec
from mindcast.settings import load_settings
from tests.page.pages import Seen

pytestmark = pytest.mark.slow


def main(*arguments):
    command = [sys.executable, "main.py", "--device_target", "CPU", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def passed(*arguments):
    result = main(*arguments)
    assert result.returncode == 0, result.stderr[-3000:]
    assert "Traceback" not in result.stderr
    return result.stdout


def passed_within(*arguments):
    """The same command line in this process, which has loaded MindSpore: that takes seconds."""
    told = io.StringIO()
    with redirect_stdout(told), loggers_kept():
        assert cli.main(["--device_target", "CPU", *map(str, arguments)]) == 0
    return told.getvalue()


@contextmanager
def loggers_kept():
    """A run leaves its log open for its process; the tests that follow must not write to it."""
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    try:
        yield
    finally:
        for handler in set(root.handlers) - set(before):
            handler.close()
        root.handlers[:] = before
        root.setLevel(level)


def contents(folder):
    return {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def names(folder, suffix):
    return [p.name for p in folder.glob(f"*{suffix}") if p.stat().st_size > 100]


@pytest.fixture(scope="module", params=MODELS)
def run(request, tmp_path_factory):
    """A run of the smoke settings, trained by `main.py` as a user does it, and tested once."""
    folder = tmp_path_factory.mktemp(request.param)
    cfg, out = f"configs/smoke/{request.param}.yaml", folder / "run"
    told = passed("--cfg", cfg, "--out", out, "--set", f"data.root_dir={folder / 'data'}")
    assert str(out / "checkpoints") in told
    trained = contents(out)
    table = passed_within("--mode", "test", "--out", out, "--report")
    return SimpleNamespace(
        model=request.param, cfg=cfg, folder=folder, out=out, trained=trained, table=table
    )


def test_training_leaves_settings_checkpoints_a_log_and_curves(run):
    spec = load_spec(run.model)
    settings = load_settings(run.out / "config.yaml")
    assert settings.data.root_dir == str(run.folder / "data")
    found = {p.name for p in (run.out / "checkpoints").iterdir()}
    assert found == {f"{s}_{w}.ckpt" for s in spec.stages for w in ("best", "last", "state")}
    records = [json.loads(line) for line in (run.out / "log.jsonl").read_text().splitlines()]
    for stage in spec.stages:
        steps = [r["step"] for r in records if (r["stage"], r["kind"]) == (stage, "train")]
        assert steps[-1] == settings.training[stage].max_steps
        assert any(r["kind"] == "validation" for r in records if r["stage"] == stage)
        assert any((run.out / "tensorboard" / stage).iterdir())
    assert (run.out / "run.log").stat().st_size > 0


# task -> baselines, how the pictures of a method end, pictures of all methods together
RESULTS = {
    "nowcast": (
        {"persistence", "extrapolation"},
        (".png", ".gif"),
        {"csi.png", "errors.png", "bias.png", "fss.png", "spectra.png"},
    ),
    "downscale": (
        {"bicubic", "bicubic-conservative", "bilinear"},
        (".png", "_section.png"),
        {"levels.png", "spectra.png"},
    ),
}


def test_testing_scores_every_method_beside_the_baselines(run):
    text = (run.out / "report" / "scores.json").read_text()
    scores = json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    settings, about = load_settings(run.out / "config.yaml"), scores["provenance"]
    assert RESULTS[load_spec(run.model).task][0] <= scores["rows"].keys()
    for method in about["methods"]:  # an ensemble has several rows, a single field one
        assert any(row.partition(" (")[0] == method for row in scores["rows"])
    assert {row["cases"] for row in scores["rows"].values()} == {settings.evaluation.max_samples}
    assert about["model"] == run.model
    assert about["seed"] == settings.runtime.seed
    assert about["device"] == "CPU"
    assert about["members"] == settings.sampling.members
    assert str(run.folder / "data") in about["data"]
    for stage, origin in about["checkpoints"].items():
        assert origin["path"] == str(run.out / "checkpoints" / f"{stage}_best.ckpt")
        assert origin["of_steps"] == settings.training[stage].max_steps
    with open(run.out / "report" / "scores.csv", newline="") as file:
        assert {row["method"] for row in csv.DictReader(file)} == set(scores["rows"])
    for method in scores["rows"]:
        assert method in run.table


def test_testing_draws_figures(run):
    methods = json.loads((run.out / "report" / "scores.json").read_text())["provenance"]["methods"]
    _, endings, together = RESULTS[load_spec(run.model).task]
    for ending in endings:
        drawn = names(run.out / "figures", ending)
        assert all(any(name.startswith(f"{method}_") for name in drawn) for method in methods)
    assert together <= set(names(run.out / "figures", ".png"))


def test_testing_ends_with_a_page_of_all_that_was_made_where_it_is_asked(run):
    path = run.out / "report" / "report.html"
    assert f"page: {path}" in run.table
    page = Seen(path.read_text(encoding="utf-8"))
    scores = json.loads((run.out / "report" / "scores.json").read_text())
    settings, versions = load_settings(run.out / "config.yaml"), scores["provenance"]["versions"]
    for word in (*scores["rows"], run.model, str(settings.data.root_dir), versions["mindspore"]):
        assert word in page.text
    assert len(page.all("img")) == len(list((run.out / "figures").iterdir()))


def test_testing_writes_fields_as_netcdf(run):
    if load_spec(run.model).task != "downscale":
        return
    (name,) = names(run.out / "report", ".nc")
    with xarray.open_dataset(run.out / "report" / name, engine="h5netcdf") as fields:
        temperature = fields["air_temperature"]
        assert temperature.attrs["units"] == "K"
        assert temperature.sizes["realization"] == 2
        assert run.model in fields.attrs["source"]


def own_file(run, settings):
    """A file as a user may have it: frames in codes, or the data set's file as a coarse one."""
    if load_spec(run.model).task == "downscale":
        (path,) = (run.folder / "data").glob("*.nc")
        return path, ("--at", str(xarray.open_dataset(path).time.values[0])[:16])
    path = run.folder / "frames.npy"
    shape = settings.model.context_frames, *settings.model.frame_size
    np.save(path, np.random.default_rng(0).integers(0, 200, shape).astype(np.float32))
    return path, ("--set", "input.unit=VIL", "--set", "input.last_time=2020-07-01 12:00")


def test_a_prediction_from_a_file_of_one_s_own_has_files_pictures_and_a_page(run):
    settings = load_settings(run.out / "config.yaml")
    path, stated = own_file(run, settings)
    to = run.folder / "predicted"
    before = contents(run.out)
    told = passed_within(
        "--mode", "predict", "--out", run.out, "--input", path, "--to", to, "--report", *stated
    )
    assert contents(run.out) == before
    (name,) = names(to, ".nc")
    assert names(to, ".png")
    assert names(to, ".html") == ["forecast.html"]
    assert f"forecast: {to / name}" in told
    with xarray.open_dataset(to / name, engine="h5netcdf") as fields:
        assert fields.sizes["realization"] == settings.sampling.members
        assert run.model in fields.attrs["source"]
    record = json.loads((to / "forecast.json").read_text())
    assert record["files"] == [name]
    assert record["input"] == [str(path)]


def test_testing_leaves_what_training_made(run):
    now = contents(run.out)
    assert run.trained.items() <= now.items()


def test_training_into_the_same_folder_is_refused_and_changes_nothing(run):
    before = contents(run.folder)
    result = main("--cfg", run.cfg, "--out", run.out, "--set", f"data.root_dir={run.folder}/data")
    assert result.returncode == 2
    assert result.stderr == (
        f"mindcast: --out {run.out}: holds a run; continue it with --resume or choose another "
        "folder\n"
    )
    assert contents(run.folder) == before


def test_resuming_a_finished_run_trains_nothing_and_changes_no_checkpoint(run):
    before = contents(run.out / "checkpoints")
    log = (run.out / "log.jsonl").read_bytes()
    passed_within("--out", run.out, "--resume")
    assert contents(run.out / "checkpoints") == before
    assert (run.out / "log.jsonl").read_bytes() == log


def test_another_test_takes_a_checkpoint_of_another_run_and_makes_its_own_report(run):
    other = run.folder / "other"
    shutil.copytree(run.out / "checkpoints", other)
    before = contents(run.out)
    (*_, last) = load_spec(run.model).stages
    named = other / f"{last}_last.ckpt"
    first = json.loads((run.out / "report" / "scores.json").read_text())["provenance"]["methods"][0]
    fewer = [f"evaluation.{change}" for change in ("max_samples=1", "figures=0")]
    fewer = [word for s in (*fewer, f"evaluation.methods=[{first}]") for word in ("--set", s)]
    passed_within("--mode", "test", "--out", run.out, "--set", f"ckpt_path={named}", *fewer)
    assert before.items() <= contents(run.out).items()
    about = json.loads((run.out / "report_2" / "scores.json").read_text())["provenance"]
    assert about["checkpoints"][last]["path"] == str(named)
    for stage, origin in about["checkpoints"].items():
        assert origin["path"].startswith(str(other)), stage


# of one level: networks of several are trained above
ALONG_THE_MOTION = {
    "diffcast": (
        "backbone=advection",
        "advection={dim: 8, multiples: [1]}",
        "denoiser={dim: 8, multiples: [1], sees_forecast: true}",
    ),
    "prediff": ("motion={}", "denoiser.depth=[1]"),
}


@pytest.mark.parametrize("model", ALONG_THE_MOTION)
def test_a_nowcast_along_the_motion_is_trained_and_tested(model, tmp_path):
    changes = [f"model.{change}" for change in ALONG_THE_MOTION[model]]
    changes += [f"data.root_dir={tmp_path / 'data'}", "data.workers=2"]
    options = [word for change in changes for word in ("--set", change)]
    out = tmp_path / "run"
    passed_within("--cfg", f"configs/smoke/{model}.yaml", "--out", out, *options)
    passed_within("--mode", "test", "--out", out, "--set", "evaluation.figures=0")
    scores = json.loads((out / "report" / "scores.json").read_text())
    methods = scores["provenance"]["methods"]
    assert model in methods
    assert ("advection" in methods) == (model == "diffcast")
    assert {"persistence", "extrapolation"} <= scores["rows"].keys()
    for stage in load_spec(model).stages:
        assert (out / "checkpoints" / f"{stage}_best.ckpt").is_file()


def test_every_point_of_any_region_is_forecast_and_one_member_is_an_ensemble(run):
    if load_spec(run.model).task != "downscale":
        return
    # factor 2 and networks of two stages, but 15 x 23 points
    region = ("data.test={rows: [1, 16], columns: [0, 23]}", "sampling.members=1")
    passed_within("--mode", "test", "--out", run.out, *(w for s in region for w in ("--set", s)))
    report = max(run.out.glob("report*"), key=lambda path: path.stat().st_mtime)
    scores = json.loads((report / "scores.json").read_text())
    assert "samples of 15 x 23 points" in scores["provenance"]["data"]
    (name,) = names(report, ".nc")
    (given,) = (run.folder / "data").glob("*.nc")
    fields, truth = (xarray.load_dataset(p, engine="h5netcdf") for p in (report / name, given))
    assert fields["air_temperature"].shape[1:3] == (1, 4)
    for variable, method in (
        ("air_temperature", "geodiff"),
        ("air_temperature_deterministic", "geodiff-det"),
    ):
        found = fields[variable].squeeze()
        assert found.sizes["latitude"] == 15
        assert found.sizes["longitude"] == 23
        known = truth["t"].sel(
            time=fields.time.values[0],
            level=fields.level.values,
            lat=fields.latitude.values,
            lon=fields.longitude.values,
        )
        square = (found - known.rename(lat="latitude", lon="longitude")) ** 2
        square = square.where(fields["above_ground"].squeeze() == 1)
        # the root of the mean over levels of each level's mean over its points above the ground
        rmse = float(square.mean(("latitude", "longitude")).mean() ** 0.5)
        row = scores["rows"][method]
        assert row["scores"]["rmse"]["overall"] == pytest.approx(rmse, rel=1e-4)
        assert row["field"] == {"geodiff": "only member", "geodiff-det": "forecast"}[method]
        assert row["scores"]["spread"]["overall"] is None
