import json
import shutil
from pathlib import Path
from unittest.mock import ANY

import numpy as np
import pytest

from mindcast.cli import main
from mindcast.models import load_spec
from mindcast.refusal import Refusal
from mindcast.training import stored
from mindcast.training.networks import checkpoint_files
from mindcast.weights.mindspore_file import read_mindspore, write_entries
from mindcast.weights.read import read_weights
from mindcast.weights.write import write_pytorch, write_safetensors
from tests.conversion.states import random_arrays, settings_of, state_of

SMALL = (
    "model.frame_size=[32, 32]",
    "model.context_frames=3",
    "model.target_frames=2",
    "model.autoencoder.latent_channels=4",
    "model.autoencoder.block_channels=[32, 32]",
    "model.denoiser={base_units: 64, depth: [1]}",
    "model.alignment={base_units: 64, depth: [1]}",
)
FRAMES = ("model.context_frames=3", "model.target_frames=2")
BLOCKS = "model.autoencoder.block_channels=[32, 32]"
STAGES = ("vae", "diffusion", "alignment")


@pytest.fixture(scope="module")
def settings():
    return settings_of("diffusion_cfg.yaml", *SMALL)


@pytest.fixture(scope="module")
def states(settings):
    return {stage: state_of(settings, stage) for stage in STAGES}


def command(source, target, *overrides, **options):
    words = [word for text in overrides for word in ("--set", text)]
    words += [word for name, value in options.items() for word in (f"--{name}", str(value))]
    return ["--mode", "convert", "--from", str(source), "--to", str(target), *words]


def converted(source, target, *overrides, **options):
    assert main(command(source, target, *overrides, **options)) == 0
    return target


def refusal(capsys, source, target, *overrides, **options):
    """The one line of a refusal, with which nothing was written."""
    before = sorted(Path(source).parent.rglob("*"))
    assert main(command(source, target, *overrides, **options)) == 2
    said = capsys.readouterr()
    assert said.out == ""
    (line,) = said.err.strip().splitlines()
    assert sorted(Path(source).parent.rglob("*")) == before
    return line


def equal(one, other):
    assert one.keys() == other.keys()
    for name, array in one.items():
        np.testing.assert_array_equal(array, other[name], err_msg=name)
        assert np.asarray(array).dtype == other[name].dtype


def test_through_all_formats_and_back_no_bit_changes(tmp_path, states, capsys):
    write_pytorch(tmp_path / "vae.pt", states["vae"])
    path = tmp_path / "vae.pt"
    for name in ("a.ckpt", "b.safetensors", "c.ckpt", "d.pt", "e.safetensors", "f.pt"):
        path = converted(path, tmp_path / name)
    equal(states["vae"], read_weights(path).content)
    arrays, information = stored.read(tmp_path / "a.ckpt")
    again, of_again = stored.read(tmp_path / "c.ckpt")
    equal(arrays, again)
    assert of_again["settings"] == information["settings"]  # they went along as metadata
    assert f"network: prediff/vae; {len(arrays)} tensors taken" in capsys.readouterr().out


def test_a_checkpoint_says_what_it_is_and_holds_complete_settings(tmp_path, states, settings):
    write_safetensors(tmp_path / "unet.safetensors", states["diffusion"])
    path = converted(tmp_path / "unet.safetensors", tmp_path / "unet.ckpt", *FRAMES, BLOCKS)
    arrays, information = stored.read(path)
    assert information["version"] == stored.FORMAT_VERSION
    assert (information["model"], information["stage"]) == ("prediff", "diffusion")
    model = {**settings.model.model_dump(mode="json"), "alignment": ANY}  # not in such a file
    assert information["settings"]["model"] == model
    assert {"data", "training", "sampling", "runtime"} <= information["settings"].keys()
    assert information["converted"] == {
        "from": "safetensors",
        "weights": "raw",
        "source": "unet.safetensors",
    }
    assert all(array.dtype == np.float32 for array in arrays.values())


def test_a_folder_of_converted_files_serves_whatever_their_names(tmp_path, states, settings):
    names = {"vae": "first.ckpt", "diffusion": "unet_v1.ckpt", "alignment": "ka.ckpt"}
    for stage in STAGES:
        write_pytorch(tmp_path / f"{stage}.pt", states[stage])
        converted(tmp_path / f"{stage}.pt", tmp_path / "weights" / names[stage], *FRAMES, BLOCKS)
    spec, folder = load_spec("prediff"), tmp_path / "weights"
    used = settings.model_copy(update={"ckpt_path": str(folder)})
    assert checkpoint_files(spec, used, spec.stages, tmp_path) == {
        stage: folder / name for stage, name in names.items()
    }
    one = settings.model_copy(update={"ckpt_path": str(folder / "unet_v1.ckpt")})
    files = checkpoint_files(spec, one, spec.stages, tmp_path)
    assert files["diffusion"] == folder / "unet_v1.ckpt"
    (folder / "ka.ckpt").unlink()  # knowledge alignment is optional
    assert checkpoint_files(spec, used, spec.stages, tmp_path).keys() == {"vae", "diffusion"}
    shutil.copy(folder / "first.ckpt", folder / "second.ckpt")
    with pytest.raises(Refusal, match=r"several checkpoints are of the stage vae \(first\.ckpt, s"):
        checkpoint_files(spec, used, spec.stages, tmp_path)
    shutil.copy(folder / "second.ckpt", folder / "vae_best.ckpt")
    files = checkpoint_files(spec, used, spec.stages, tmp_path)
    assert files["vae"] == folder / "vae_best.ckpt"


@pytest.mark.slow
def test_converted_weights_forecast_in_a_test(tmp_path, states, monkeypatch, capsys):
    monkeypatch.setattr("mindcast.runtime.device.start", lambda *_: "CPU")
    monkeypatch.setattr("mindcast.runtime.logging.open_log", lambda path: None)
    for stage in STAGES:
        write_pytorch(tmp_path / f"{stage}.pt", states[stage])
        converted(
            tmp_path / f"{stage}.pt", tmp_path / "weights" / f"my_{stage}.ckpt", *FRAMES, BLOCKS
        )
    changes = [
        *SMALL,
        f"ckpt_path={tmp_path / 'weights'}",
        "model.stride=2",
        "model.guidance={target: context}",
        'data={"name": "synthetic", "frame_size": [32, 32], "frames_per_event": 9, "events": 12, '
        f'"root_dir": "{tmp_path / "rain"}"}}',
        "sampling={sampler: ddim, steps: 2}",
        "evaluation={max_samples: 1, figures: 0, baselines: []}",
        "runtime.mode=pynative",
    ]
    line = ["--mode", "test", "--cfg", "configs/diffusion_cfg.yaml", "--device_target", "CPU"]
    line += ["--out", str(tmp_path / "run")]
    line += [word for text in changes for word in ("--set", text)]
    assert main(line) == 0
    report = json.loads((tmp_path / "run" / "report" / "scores.json").read_text())
    assert {"prediff", "prediff-ka"} <= set(str(report).replace("'", " ").split())


def test_a_checkpoint_of_an_older_version_becomes_one_of_this(tmp_path, settings, capsys):
    arrays = random_arrays({"quant_conv.weight": (8, 8, 1, 1)})
    state = state_of(settings, "vae")
    arrays = {**state, **arrays}
    tree = settings.model_dump(mode="json")
    tree["model"]["diffusion"].pop("clip")
    tree["model"]["diffusion"]["clip_denoised"] = True  # the former name of clip = 1
    old = {"model": "prediff", "stage": "vae", "settings": tree, "total_steps": 9}
    old["position"] = {"step": 7}
    write_entries(tmp_path / "old.ckpt", {**arrays, "mindcast": json.dumps(old)})
    path = converted(tmp_path / "old.ckpt", tmp_path / "new.ckpt")
    new, information = stored.read(path)
    equal(arrays, new)
    assert information["version"] == stored.FORMAT_VERSION
    assert information["settings"]["model"]["diffusion"]["clip"] == 1.0
    assert (information["total_steps"], information["position"]) == (9, {"step": 7})
    assert "made by MindCast (checkpoint version 0)" in capsys.readouterr().out


def test_files_that_cannot_be_are_refused(tmp_path, states, capsys):
    path = tmp_path / "vae.pt"
    write_pytorch(path, states["vae"])
    text = tmp_path / "notes.txt"
    text.write_text("no weights at all, just words")
    (tmp_path / "folder.ckpt").mkdir()
    for source, target, told in (
        (path, tmp_path / "vae.npz", "its ending '.npz' names no format; use one of .ckpt, .safe"),
        (path, tmp_path / "vae", "its ending '' names no format"),
        (path, path, "is the file of --from; give another name"),
        (path, tmp_path / "folder.ckpt", "is a folder, expected the name of a file in it"),
        (path, text, "is there already; give another name or remove it"),
        (tmp_path, tmp_path / "a.ckpt", "a folder; name a file in it"),
        (tmp_path / "none.pt", tmp_path / "a.ckpt", "no such file"),
        (text, tmp_path / "a.ckpt", "not a file of weights"),
    ):
        assert told in refusal(capsys, source, target)


def test_weights_that_do_not_fit_are_refused_with_the_file_s_name(tmp_path, states, capsys):
    path = tmp_path / "vae.pt"
    write_pytorch(path, {n: a for n, a in states["vae"].items() if n != "post_quant_conv.bias"})
    line = refusal(capsys, path, tmp_path / "a.ckpt")
    assert f"{path}: post_quant_conv.bias (1 tensor) missing; use a whole file" in line


def test_options_that_nothing_would_read_are_refused(tmp_path, states, capsys):
    path = tmp_path / "vae.pt"
    write_pytorch(path, states["vae"])
    own = converted(path, tmp_path / "vae.ckpt")
    capsys.readouterr()
    new = tmp_path / "new.ckpt"
    assert "holds its settings; leave out --cfg, --set" in refusal(
        capsys, own, new, "sampling.eta=1"
    )
    assert "holds one copy of the weights" in refusal(capsys, own, new, weights="ema")
    assert "holds prediff/vae, no stage diffusion" in refusal(capsys, own, new, stage="diffusion")
    assert "--mode convert has no run; name the new file with --to" in refusal(
        capsys, own, new, out="runs/x"
    )
    assert "works in one process" in refusal(capsys, own, new, devices=2)
    for option in ("--from", "--to"):
        assert main(["--mode", "test", option, "x"]) == 2
        assert f"{option}: is for --mode" in capsys.readouterr().err
    assert main(["--mode", "convert", "--from", str(own)]) == 2
    assert "--to: is needed with --mode convert" in capsys.readouterr().err


def test_checkpoints_of_ours_that_cannot_be_taken_are_refused(tmp_path, settings, capsys):
    source, new = tmp_path / "own.ckpt", tmp_path / "new.ckpt"
    whole = {"model": "prediff", "stage": "vae", "settings": settings.model_dump(mode="json")}
    arrays = state_of(settings, "vae")
    for information, told in (
        ({**whole, "pending": []}, "holds the state of a training, expected a network; give vae_b"),
        ({**whole, "version": 99}, "is a checkpoint of version 99, expected at most 1"),
        ({**whole, "stage": "unet"}, "holds prediff/unet, no such stage is known"),
        ({**whole, "model": "other"}, "unknown model, expected one of prediff, diffcast, geodiff"),
        ({**whole, "settings": None}, "holds no settings, expected those of its run"),
        ([1], "does not say what made it, it was changed; use another copy"),
    ):
        write_entries(source, {**arrays, "mindcast": json.dumps(information)})
        assert told in refusal(capsys, source, new)
    write_entries(
        source, {**arrays, "more": np.zeros(2, np.float32), "mindcast": json.dumps(whole)}
    )
    assert "more (1 tensor) left over" in refusal(capsys, source, new)


def test_mindearth_s_names_and_shapes_are_known(tmp_path, states):
    there = {"weight": "gamma", "bias": "beta"}
    state = {}
    for name, array in states["alignment"].items():
        stem, _, ending = name.rpartition(".")
        if stem.startswith("pos_embed"):
            stem, ending = stem[: len("pos_embed.")] + stem[10:].lower(), "embedding_table"
        elif "norm" in stem or stem.endswith(("in_layers.0", "out_layers.0", "out.0")):
            ending = there[ending]
        elif array.ndim == 3:  # convolutions along one axis have a second one there
            array = array[..., None]
        state[f"{stem}.{ending}"] = array
    assert "pos_embed.t_embed.embedding_table" in state
    write_entries(tmp_path / "align.ckpt", state)
    path = converted(tmp_path / "align.ckpt", tmp_path / "back.pt", *FRAMES, BLOCKS)
    equal(states["alignment"], read_weights(path).content)


def test_a_refusal_of_names_needs_no_mindspore(tmp_path):
    import subprocess
    import sys

    write_safetensors(tmp_path / "x.safetensors", {"conv1.weight": np.zeros(2, np.float32)})
    code = (
        "import sys; from mindcast.cli import main; "
        f"print(main({command(tmp_path / 'x.safetensors', tmp_path / 'x.ckpt')!r}), "
        "'mindspore' in sys.modules)"
    )
    made = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert made.stdout.split() == ["2", "False"]


def test_a_backbone_of_our_own_goes_out_and_comes_back_by_its_metadata(tmp_path, capsys):
    own = settings_of(
        "diffcast_simvp_cfg.yaml",
        "model.backbone=advection",
        "model.advection={dim: 8, multiples: [1]}",
    )
    arrays = state_of(own, "backbone")
    information = {
        "model": "diffcast",
        "stage": "backbone",
        "settings": own.model_dump(mode="json"),
    }
    stored.write(tmp_path / "own.ckpt", arrays, information)
    path = converted(tmp_path / "own.ckpt", tmp_path / "own.safetensors")
    equal(arrays, read_weights(path).content)
    back = converted(path, tmp_path / "back.ckpt")
    equal(arrays, stored.read(back)[0])
    capsys.readouterr()
    converted(back, tmp_path / "bare.pt")
    assert "no released network has these names; a .ckpt or" in capsys.readouterr().out


def test_what_is_written_is_what_the_reader_of_mindspore_reads(tmp_path, states):
    write_pytorch(tmp_path / "vae.pt", states["vae"])
    entries = read_mindspore(converted(tmp_path / "vae.pt", tmp_path / "vae.ckpt"))
    assert entries.pop("mindcast").startswith('{"version": 1')
    equal(states["vae"], entries)
