import json
import shutil
import subprocess
import sys

import numpy as np
import pytest

from mindcast.refusal import Refusal
from mindcast.settings import load_settings
from mindcast.trained import find_trained, settings_in_checkpoint
from mindcast.training import stored
from tests.untrained import untrained_run

STAGES = ("backbone", "joint")


@pytest.fixture
def run(tmp_path, nowcast_run):
    shutil.copytree(nowcast_run, tmp_path / "run")
    return tmp_path / "run"


def refused(*arguments):
    with pytest.raises(Refusal) as caught:
        find_trained(*arguments)
    return str(caught.value)


def test_a_run_folder_gives_its_settings_and_its_best_networks(run):
    found = find_trained(run, ["runtime.seed=3"])
    assert found.spec.name == "diffcast"
    assert found.settings == load_settings(run / "config.yaml", ["runtime.seed=3"])
    assert found.files == {s: run / "checkpoints" / f"{s}_best.ckpt" for s in STAGES}


@pytest.mark.parametrize("named", [".", "checkpoints", "checkpoints/joint_best.ckpt"])
def test_checkpoints_alone_give_the_same(run, named):
    of_run = find_trained(run)
    (run / "config.yaml").unlink()
    found = find_trained(run / named)
    place = run if named == "." else run / named
    assert found.settings == of_run.settings.model_copy(update={"ckpt_path": str(place)})
    assert found.files == of_run.files


def test_a_checkpoint_of_any_name_is_known_by_what_it_holds(run, tmp_path):
    alone = tmp_path / "radar.ckpt"
    shutil.copy(run / "checkpoints" / "joint_best.ckpt", alone)
    assert find_trained(alone).files == {"joint": alone}


def test_changes_of_settings_are_made_and_checked(run):
    checkpoint = run / "checkpoints" / "joint_best.ckpt"
    assert find_trained(checkpoint, ["sampling.members=7"]).settings.sampling.members == 7
    told = refused(checkpoint, ["sampling.membres=7"])
    assert told.startswith(f"settings in {checkpoint}: unknown key sampling.membres")


def test_of_a_folder_the_network_that_depends_on_most_settings_decides(tmp_path):
    run = untrained_run(tmp_path / "run", "prediff")
    (run / "config.yaml").unlink()
    other = untrained_run(tmp_path / "other", "prediff", ("runtime.seed=8", "sampling.steps=1"))
    for name in ("vae", "alignment"):  # of another run
        shutil.copy(other / "checkpoints" / f"{name}_best.ckpt", run / "checkpoints")
    assert settings_in_checkpoint(run).runtime.seed == 0


def test_a_stage_that_is_needed_and_missing_is_named(tmp_path):
    run = untrained_run(tmp_path / "run", "prediff")
    alone = tmp_path / "diffusion_best.ckpt"
    shutil.copy(run / "checkpoints" / alone.name, alone)
    assert refused(alone) == (
        f"{tmp_path / 'vae_best.ckpt'}: no such checkpoint; train the stage first or fix ckpt_path"
    )


def rewritten(path, change, monkeypatch):
    """Has a checkpoint say other things of itself."""
    arrays, about = stored.read(path)
    change(about)
    monkeypatch.setattr(stored, "read", lambda _: (arrays, about))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            lambda about: about.pop("settings"),
            "does not hold the settings that made it; give the settings file of the run that made "
            "it with --cfg",
        ),
        (
            lambda about: about["settings"]["model"].update(backbone="swin"),
            "is of another version (its settings: model.backbone = 'swin'",
        ),
        (
            lambda about: about.update(model="unet"),
            "holds the model 'unet', expected one of prediff, diffcast, geodiff",
        ),
        (
            lambda about: about.update(pending={}),
            "holds the state of a training, expected a network; give joint_best.ckpt",
        ),
    ],
)
def test_a_checkpoint_that_cannot_say_what_it_is_is_refused(run, change, told, monkeypatch):
    path = run / "checkpoints" / "joint_best.ckpt"
    rewritten(path, change, monkeypatch)
    assert f"{path}: {told}" in refused(path)


def test_settings_that_a_checkpoint_did_not_know_have_their_defaults(run, monkeypatch):
    path = run / "checkpoints" / "joint_best.ckpt"

    def older(about):
        del about["settings"]["input"], about["settings"]["sampling"]["tile_overlap"]
        del about["settings"]["data"]["pixel_km"]
        json.dumps(about)

    rewritten(path, older, monkeypatch)
    assert find_trained(path).settings.sampling.tile_overlap == 0.25


def test_where_there_is_none_is_told(tmp_path):
    assert "no such file or folder; give a checkpoint or a run" in refused(tmp_path / "a")
    told = refused(tmp_path)
    assert told.startswith(f"ckpt_path = {tmp_path}: holds none of vae_best.ckpt, ")
    (tmp_path / "file.ckpt").write_text("nothing")
    assert "not a whole checkpoint" in refused(tmp_path / "file.ckpt")


def test_a_checkpoint_is_read_without_mindspore_and_what_would_disturb_it(run):
    code = (
        "import sys; from pathlib import Path; from mindcast.trained import settings_in_checkpoint;"
        "settings_in_checkpoint(Path(sys.argv[1]));"
        "print({'mindspore', 'google.protobuf'} & set(sys.modules))"
    )
    command = [sys.executable, "-c", code, str(run / "checkpoints" / "joint_best.ckpt")]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert told == "set()\n"


def test_a_checkpoint_that_does_not_fit_is_refused_without_mindspore(run):
    code = (
        "import sys; from mindcast.refusal import Refusal\n"
        "from mindcast.trained import find_trained\n"
        "try: find_trained(*sys.argv[1:2], sys.argv[2:])\n"
        "except Refusal as refusal: print(refusal, 'mindspore' in sys.modules)"
    )
    command = [sys.executable, "-c", code, str(run), "model.diffusion.timesteps=7"]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "joint_best.ckpt: was made with model.diffusion.timesteps = " in told
    assert told.endswith("False\n")


def test_a_checkpoint_under_the_name_of_another_stage_is_refused(run):
    checkpoints = run / "checkpoints"
    shutil.copy(checkpoints / "joint_best.ckpt", checkpoints / "backbone_best.ckpt")
    assert "holds diffcast/joint, expected diffcast/backbone" in refused(run)


def test_in_a_folder_the_names_of_checkpoints_are_free(tmp_path):
    settings = load_settings("configs/smoke/prediff.yaml")
    about = {"model": "prediff", "settings": settings.model_dump(mode="json")}
    for stage, name in (("vae", "frames.ckpt"), ("diffusion", "unet_v1.ckpt")):
        stored.write(tmp_path / name, {"x": np.zeros(1, np.float32)}, {**about, "stage": stage})
    found = find_trained(tmp_path)
    assert found.files == {"vae": tmp_path / "frames.ckpt", "diffusion": tmp_path / "unet_v1.ckpt"}
    assert found.settings.model == settings.model
